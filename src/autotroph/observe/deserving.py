"""Does a reward deserve to be chased? Held against every declared outcome, and written as a row for the gate.

What decides are past experiments (see `autotroph.stats.surrogates`) and the alarm of audited samples; the
rest explains. A reward that deserves it by one outcome deserves it, unless what moves it surely moves another
outcome the wrong way. An alarm ends that, whatever the past said: a reward that was good can be gamed.

The row is a measurement of "does it deserve it?", 1 or 0, as an interval: [1, 1] it deserves it, [0, 0] it
does not, and [0, 1] that is unknown. Beside it are rows of what it was found by.
"""

import math
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from autotroph.observe.agreement import Agreement, agreement
from autotroph.observe.audited import Audit, audits
from autotroph.observe.experiments import LEVEL, Asked, Experiment, experiments, newest_version
from autotroph.observe.lift import FAR
from autotroph.observe.sampling import Sample, draw_of, sample
from autotroph.records import Measurement
from autotroph.spec import Spec
from autotroph.stats.confidence import Interval
from autotroph.stats.surrogates import Finding, Worth, worth
from autotroph.store import Reader

ENDS: dict[Finding, tuple[float, float]] = {
    "deserves": (1.0, 1.0),
    "does not": (0.0, 0.0),
    "unknown": (0.0, 1.0),
}
"""What a finding is as an interval of "does it deserve it?"."""


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """A reward held against one outcome."""

    outcome: str
    worth: Worth
    experiments: tuple[Experiment, ...]
    agreement: Agreement


class Deserving(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a reward deserves to be chased on a task.

    Attributes:
        finding: what the gate acts on; `reasons`: what it was found by.
        warnings: what does not decide, and somebody should know.
        against: one for each declared outcome.
        audits: one for each signal of annotators or judges about the audit sample.
        left_out: so many judgements were about other decisions, and count for nothing here.
        sample: what of the audit sample waits for a judgement.
    """

    task: str
    reward: str
    version: str
    finding: Finding
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    against: tuple[Against, ...]
    audits: tuple[Audit, ...]
    left_out: int
    sample: Sample


def deserving(
    reader: Reader, spec: Spec, task: str, now: float, versions: Mapping[str, str] | None = None
) -> tuple[Measurement, ...]:
    """The rows about a task's reward: first the one that the gate reads, then what it was found by.

    Args:
        reader: of the ledger.
        spec: what is declared.
        task: one with a reward.
        now: when.
        versions: of reward and outcomes, by name; by default the newest that the ledger has values of.
    """
    return rows(examine(reader, spec, task, versions), reader.last(), now)


def examine(reader: Reader, spec: Spec, task: str, versions: Mapping[str, str] | None = None) -> Deserving:
    """Everything that there is to say about a task's reward; arguments as of `deserving`.

    Raises:
        UnknownName: no such task.
        SpecError: the task has no reward.
    """
    reward, declared = spec.reward_of(task)
    known = dict(versions or {})
    version = known[reward] if reward in known else newest_version(reader, reward)
    asked = Asked(
        task=task, reward=reward, reward_version=version, outcome="", outcome_version="",
        window=float(declared.horizon),
    )  # fmt: skip
    outcomes = {
        name: known[name] if name in known else newest_version(reader, name) for name in spec.outcomes
    }
    level, draws = LEVEL / max(len(outcomes), 1), draw_of(reader, spec)
    held = [replace(asked, outcome=name, outcome_version=one) for name, one in outcomes.items()]
    against = tuple(
        _against(reader, one, agreement(reader, one, declared.range, draws), level) for one in held
    )
    seen = (against[0].agreement if against else agreement(reader, asked, declared.range, draws)).seen
    made_of = frozenset(spec.expression(declared.value).names)
    audited = audits(reader, asked, declared.range, seen, made_of, draws, LEVEL)
    finding, reasons = _find(against, audited.audits)
    found = Deserving(
        task=task, reward=reward, version=version, finding=finding, reasons=reasons, warnings=(),
        against=against, audits=audited.audits, left_out=audited.left_out,
        sample=sample(reader, spec, task),
    )  # fmt: skip
    return replace(found, warnings=_warnings(found))


def named(reward: str, version: str) -> str:
    """The name of the row about a version of a reward.

    >>> named("useful", "9f86d081884c7d65")
    'deserves/useful/9f86d081884c'
    """
    return f"deserves/{reward}/{version[:12]}"


def rows(found: Deserving, until: int, now: float) -> tuple[Measurement, ...]:
    """What was found, as rows: first the finding, then slope, signs and correlation with each outcome."""
    low, high = ENDS[found.finding]
    name = named(found.reward, found.version)
    count = max((len(one.experiments) for one in found.against), default=0)
    parts = [(name, Interval((low + high) / 2, low, high, count))]
    for one in found.against:
        measured = {
            "slope": one.worth.slope,
            "signs": one.worth.signs,
            "correlation": one.agreement.correlation,
        }
        parts += [(f"{name}/{what}/{one.outcome}", interval) for what, interval in measured.items()]
    return tuple(_row(said, interval, found.task, until, now) for said, interval in parts)


def _against(reader: Reader, asked: Asked, same: Agreement, level: float) -> Against:
    past = experiments(reader, asked)
    return Against(
        outcome=asked.outcome,
        worth=worth([one.effect for one in past], level),
        experiments=tuple(past),
        agreement=same,
    )


def _find(against: tuple[Against, ...], audited: tuple[Audit, ...]) -> tuple[Finding, tuple[str, ...]]:
    gamed = tuple(_alarm(one) for one in audited if one.gaming.alarmed_at is not None)
    if not against:
        none = "no outcome is declared; add [outcomes.NAME] for what the business really wants"
        return ("does not", gamed) if gamed else ("unknown", (none,))
    reasons = (*gamed, *(f"{one.outcome}: {one.worth.reason}" for one in against))
    findings = {one.worth.finding for one in against}
    if gamed or any(one.worth.slope.high < 0 for one in against if one.worth.finding == "does not"):
        return "does not", reasons
    for finding in ("deserves", "unknown"):
        if finding in findings:
            return finding, reasons
    return "does not", reasons


def _alarm(one: Audit) -> str:
    return (
        f"gamed: the reward rose against {one.signal!r}, proven after {one.gaming.alarmed_at} of {one.units} "
        f"audited units (by {one.gaming.gap:+.2f} of its range between the first and the second half)"
    )


def _warnings(found: Deserving) -> tuple[str, ...]:
    told = [said for one in found.against for said in _doubts(one)]
    if not found.audits:
        told.append(
            "nobody audits: signals by annotators or judges about the audit sample would show whether the "
            "reward rises while answers do not get better"
        )
    if found.sample.waiting:
        told.append(
            f"{len(found.sample.waiting):,} decisions of the audit sample wait for a judgement, "
            f"{found.sample.judged:,} have one; `autotroph rewards sample {found.task}` prints them"
        )
    if found.left_out:
        told.append(
            f"{found.left_out:,} judgements are about decisions outside the audit sample: they were chosen "
            "by somebody, and count for nothing here"
        )
    return tuple(told)


def _doubts(one: Against) -> list[str]:
    found = []
    together = one.agreement.correlation
    if together.n and not together.low > 0:
        found.append(
            f"{one.outcome}: on the same units the reward does not surely agree with it, correlation "
            f"{_shown(together)}"
        )
    less = [each for each in one.experiments if each.given.high < 0]
    if len(less) * 2 > len(one.experiments):
        found.append(
            f"{one.outcome}: in {len(less)} of {len(one.experiments)} experiments the candidate kept less "
            "than its reward promised (the treatment's coefficient given the reward is below 0)"
        )
    found += [
        f"{one.outcome}: easily gamed, because the reward goes with {trait.name} of the output, correlation "
        f"{_shown(trait.reward)}, and the outcome does not as much, {_shown(trait.outcome)}"
        for trait in one.agreement.traits
        if trait.suspicious
    ]
    return found


def _shown(interval: Interval) -> str:
    return f"{interval.mean:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]"


def _row(name: str, found: Interval, task: str, until: int, now: float) -> Measurement:
    return Measurement(
        name=name,
        task=task,
        value=found.mean if math.isfinite(found.mean) else 0.0,
        low=max(found.low, -FAR),
        high=min(found.high, FAR),
        n=found.n,
        alpha=LEVEL,
        since=0,
        until=until,
        at=now,
    )
