"""The ladder's judgement, rehearsed on a product's own log: what it would do wrongly, and how soon it acts.

Units are dealt out to two arms by luck, again and again, so that there is nothing to find; or with harm
planted into one of them. Whoever looks after every so many units, as the loop does, asks `judge` itself, by
the margins, levels and minimum that are declared. Nothing is written.

| rehearsed | what is compared | as in |
|---|---|---|
| split | units in two arms, dealt out at random, with all that can veto | the last step of the ladder |
| paired | two releases on the same decisions, their names exchanged at random for each unit | shadow |

A candidate is given all of the season's α, more than the ladder grants any.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from autotroph.deploy.evidence import Evidence, Guard, Survives
from autotroph.deploy.guards import REWARD, harm_target
from autotroph.deploy.judge import Rule, judge
from autotroph.plan.dealing import EVERY, Play, Seen, paired, split
from autotroph.plan.traffic import DAY, Column, Flow, Traffic
from autotroph.records import Finding
from autotroph.spec import Spec
from autotroph.stats.betting import log_target
from autotroph.stats.certificate import certificate
from autotroph.stats.shares import share_interval

Kind = Literal["split", "paired"]
Progress = Callable[[int, int], None]

HARMS = (0.2, 0.5)
"""By which share of its mean the reward is made worse."""

PROMOTED: tuple[Finding, ...] = ("promoted", "advance")
"""What in shadow leads to the ladder, and at its last step to everybody."""

CELLS = 400_000
"""Runs are played in batches of so many units together."""


class Often(msgspec.Struct, frozen=True, kw_only=True):
    """In how many runs something was found that is not there, and how many may be."""

    count: int
    runs: int
    low: float
    high: float
    alpha: float

    @property
    def exceeds(self) -> bool:
        """Whether it is more often than α, and not by luck."""
        return self.low > self.alpha


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """How long until harm is taken back, in front of a share of the people: days; None where it was not."""

    share: float
    median: float | None
    late: float | None


class Harm(msgspec.Struct, frozen=True, kw_only=True):
    """Harm that was planted, and what came of it.

    Attributes:
        share: of the mean; `drop`: in reward, as far as the range allows.
        rolled_back, promoted: in how many runs.
        median, late: units of the candidate's until it was rolled back, in half and in 95 % of the runs; None
            where the log is too short to say.
        waits: the same as time, at today's traffic.
    """

    share: float
    drop: float
    runs: int
    rolled_back: int
    promoted: int
    median: int | None
    late: int | None
    waits: tuple[Wait, ...]


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """One way to compare, rehearsed.

    Attributes:
        kind: how; `against`: the other release, where it is paired.
        units: that have a final reward; `every`: so many between two looks.
        lacks: why nothing was rehearsed; empty where it was.
    """

    task: str
    kind: Kind
    units: int
    every: int = EVERY
    against: str = ""
    lacks: str = ""
    promotions: Often | None = None
    rollbacks: Often | None = None
    harms: tuple[Harm, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether something is found more often than α that is not there."""
        return any(one is not None and one.exceeds for one in (self.promotions, self.rollbacks))


class _Ended(msgspec.Struct, frozen=True):
    """How a run ended, and after how many units; as it began where nothing was found."""

    finding: Finding = "undecided"
    units: int = 0


def rehearse(found: Traffic, spec: Spec, runs: int, seed: int, progress: Progress) -> Iterator[Rehearsal]:
    """Each way in which the task's candidates are compared, rehearsed on its traffic.

    Args:
        found: of the task.
        spec: the declaration.
        runs: how often units are dealt out.
        seed: the same one gives the same runs.
        progress: is told how many runs of how many are done.
    """
    ways: list[tuple[Kind, Play, int, str]] = [("split", split(found), found.reward.values.size, "")]
    if found.rivals is not None:
        rivals = found.rivals
        ways.append(("paired", paired(found, rivals), rivals.ours.size, rivals.against))
    done, whole = count(1), len(ways) * runs * (1 + len(HARMS))
    for place, (kind, play, units, against) in enumerate(ways):
        empty = Rehearsal(task=found.task, kind=kind, units=units, against=against)
        if lacks := _lacks(found, spec, kind, units):
            yield replace(empty, lacks=lacks)
            continue
        stage = _Stage(found, spec, kind, _Runs(play, np.random.default_rng([seed, place]), runs))
        yield stage.rehearsed(empty, lambda: progress(next(done), whole))


def _lacks(found: Traffic, spec: Spec, kind: Kind, units: int) -> str:
    """Why it cannot be rehearsed, with the counts."""
    least = spec.ladder.minimum * (2 if kind == "split" else 1)
    if units < least:
        return (
            f"{units:,} units have a final reward, at least {least:,} are needed"
            f" ({'two arms of' if kind == 'split' else 'the'} `[ladder] minimum = {spec.ladder.minimum}`):"
            f" of {found.decisions:,} decisions {found.final:,} are final, of which {found.known:,} have a"
            f" reward by {found.name!r} as it is declared now"
        )
    values = found.reward.values
    if values.min() == values.max():
        return f"all {units:,} units came to the same, {values[0]:g}: whatever is dealt out, nothing differs"
    return ""


def _often(ended: list[_Ended], findings: tuple[Finding, ...], alpha: float) -> Often:
    found = sum(one.finding in findings for one in ended)
    interval = share_interval(found, len(ended))
    return Often(count=found, runs=len(ended), low=interval.low, high=interval.high, alpha=alpha)


class _Runs(NamedTuple):
    """What is played, by which luck, and how often."""

    play: Play
    luck: np.random.Generator
    runs: int


class _Stage:
    """Where the runs are judged: by the rules of this declaration."""

    def __init__(self, found: Traffic, spec: Spec, kind: Kind, runs: _Runs) -> None:
        self._found, self._spec, self._kind, self._runs = found, spec, kind, runs
        self._rule = Rule(
            judge="ladder",
            need="prove" if kind == "paired" else "climb",
            margin=spec.ladder.margin,
            level=spec.gate.alpha,
            minimum=spec.ladder.minimum,
            liars=spec.gate.liars,
            last=kind == "split",
            guarded=True,
            proof="better",
        )

    def rehearsed(self, empty: Rehearsal, told: Callable[[], None]) -> Rehearsal:
        """All the runs, without harm and with it."""
        alone, alpha = self.ended(0.0, 1.0, told), self._spec.gate.alpha
        return replace(
            empty,
            promotions=_often(alone, PROMOTED, alpha),
            rollbacks=_often(alone, ("rolled back",), alpha),
            harms=tuple(self.planted(share, told) for share in HARMS),
        )

    def ended(self, harm: float, level: float, told: Callable[[], None]) -> list[_Ended]:
        """Play the runs to their end; `level` is the share of α that their harm test has."""
        rule = replace(self._rule, level=self._rule.level * level)
        batch = max(1, CELLS // max(self._found.exposed.size, 1))
        found: list[_Ended] = []
        while (left := self._runs.runs - len(found)) > 0:
            seen = self._runs.play(self._runs.luck, min(batch, left), harm)
            for run in range(len(seen.ends)):
                found.append(self._judged(seen, run, rule))
                told()
        return found

    def planted(self, share: float, told: Callable[[], None]) -> Harm:
        """Make the candidate worse by a share of the mean: some of its units come to nothing at all."""
        low, mean = self._found.range[0], float(self._found.reward.values.mean())
        drop = min(share * abs(mean), mean - low)
        level = REWARD if self._kind == "paired" else 1.0  # in front of people, guards have the other half
        ended, runs = self.ended(drop / (mean - low), level, told), self._runs.runs
        units = sorted(one.units for one in ended if one.finding == "rolled back")
        median, late = (_quantile(units, runs, part) for part in (0.5, 0.95))
        return Harm(
            share=share,
            drop=drop,
            runs=runs,
            rolled_back=len(units),
            promoted=sum(one.finding in PROMOTED for one in ended),
            median=median,
            late=late,
            waits=tuple(self._waits(median, late)),
        )

    def _waits(self, median: int | None, late: int | None) -> Iterator[Wait]:
        """How long so many units take at each step; what serves everybody is watched by pairs only."""
        horizon = float(self._spec.reward_of(self._found.task)[1].horizon)
        for step in self._spec.ladder.steps:
            part = step if self._kind == "paired" else min(step, 1.0 - step)
            rate = rate_of(self._found.flow, self._spec.ladder.holdback) * part
            if rate:
                days = [None if n is None else n / rate + 2 * horizon / DAY for n in (median, late)]
                yield Wait(share=step, median=days[0], late=days[1])

    def _judged(self, seen: Seen, run: int, rule: Rule) -> _Ended:
        """The first verdict that ends a run."""
        asked = harm_target(rule.level, [_guard(column) for column, _, _ in seen.guards])
        moves = (seen.harm[run] >= asked) | (seen.better[run] >= log_target(self._spec.gate.alpha))
        for _, harmed, _ in seen.guards:
            moves |= harmed[run]
        for look in np.flatnonzero(moves):
            evidence = self._evidence(seen, run, int(look))
            finding = judge(evidence, rule).finding
            if finding not in ("undecided", "hold"):
                return _Ended(finding, evidence.units)
        return _Ended()

    def _evidence(self, seen: Seen, run: int, look: int) -> Evidence:
        units = int(seen.ends[run, look])
        low, high = self._found.range
        lower = seen.low(run, units) if self._spec.gate.liars else 0.0
        survived = certificate(lower, 0.0, units, verified=self._found.verified, largest=high - low)
        return Evidence(
            task=self._found.task,
            candidate="",
            kind=self._kind,
            since=0,
            at=0.0,
            decisions=units,
            units=units,
            mean=float(seen.mean[run, look]),
            low=lower,
            high=0.0,
            better=float(seen.better[run, look]),
            no_worse=float(seen.no_worse[run, look]),
            harm=float(seen.harm[run, look]),
            alpha=self._spec.gate.alpha,
            more=None,
            survives=Survives(survived.share, survived.count),
            active=self._found.exposed.size,
            guards=tuple(
                _guard(column, harmed=bool(harmed[run, look]), cleared=bool(cleared[run, look]))
                for column, harmed, cleared in seen.guards
            ),
        )


def rate_of(flow: Flow, holdback: float) -> float:
    """Units a day outside the holdback of which a reward comes to be known."""
    return flow.known * (1.0 - holdback)


def _quantile(units: list[int], runs: int, part: float) -> int | None:
    """After how many units so large a part of all runs had been rolled back."""
    place = int(np.ceil(part * runs)) - 1
    return units[place] if place < len(units) else None


def _guard(column: Column, *, harmed: bool = False, cleared: bool = False) -> Guard:
    return Guard(
        name=column.name, units=0, mean=0.0, low=None, high=None, margin=column.margin,
        level=column.level, harmed=harmed, cleared=cleared, required=column.required,
    )  # fmt: skip
