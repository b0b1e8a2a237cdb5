"""Evidence in, verdict out; pure. The gate, the ladder and the watch over what was promoted all ask here."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from autotroph.clock import digest
from autotroph.deploy.evidence import Evidence, Guard
from autotroph.deploy.guards import harm_target
from autotroph.records import Candidate, Finding, Verdict
from autotroph.stats.betting import log_target
from autotroph.stats.certificate import units_needed

Judge = Literal["gate", "ladder", "person"]
Need = Literal["screen", "prove", "climb", "keep"]
Proof = Literal["none", "no worse", "better"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be shown.

    Attributes:
        judge: who asks.
        need: `screen`: looks no worse on the gate's fold. `prove`: is better, on decisions made after the
            freeze. `climb`: is fit for the next step in front of people. `keep`: does no harm once it serves.
        margin: how much worse, in reward, still counts as no worse.
        level: α of harm, and of "no worse".
        minimum: fewest units for anything but harm.
        waited: whether the stage's floor has passed.
        tired: whether its patience is at an end.
        liars: share of the active units that may lie, and all arrive at once, without steering a promotion.
        last: whether the next step of the ladder is everybody.
        guarded: whether a step takes proof that no guardrail got worse; the last one always does.
        proof: what climbing takes: nothing more than no sign of harm, proof of being no worse, or proof of
            being better (before the last step, where shadow could not give it).
    """

    judge: Literal["gate", "ladder"]
    need: Need
    margin: float
    level: float
    minimum: int
    waited: bool = True
    tired: bool = False
    liars: float = 0.0
    last: bool = False
    guarded: bool = False
    proof: Proof = "none"


def judge(evidence: Evidence, rule: Rule) -> Verdict:
    """Say what the evidence amounts to under the rule."""
    finding, reason = _find(evidence, rule)
    names = (evidence.candidate, rule.need, finding, str(evidence.since), str(evidence.at))
    return Verdict(
        id=f"verdict_{digest(*names)[:20]}",
        task=evidence.task,
        candidate=evidence.candidate,
        judge=rule.judge,
        finding=finding,
        reason=reason,
        evidence=msgspec.to_builtins(evidence),
        alpha=evidence.alpha,
        at=evidence.at,
    )


def ruled(
    candidate: Candidate,
    finding: Finding,
    reason: str,
    now: float,
    judge: Judge = "ladder",
    evidence: Mapping[str, object] | None = None,
) -> Verdict:
    """A verdict that needs no weighing."""
    return Verdict(
        id=f"verdict_{digest(candidate.id, finding, reason, str(now))[:20]}",
        task=candidate.task,
        candidate=candidate.id,
        judge=judge,
        finding=finding,
        reason=reason,
        evidence=dict(evidence or {}),
        alpha=0.0,
        at=now,
    )


def instead(verdict: Verdict, finding: Finding, reason: str) -> Verdict:
    """Another finding on the same evidence: another verdict, so with an id of its own."""
    id_ = f"verdict_{digest(verdict.id, finding)[:20]}"
    return replace(verdict, id=id_, finding=finding, reason=reason)


def held(verdict: Verdict, why: str) -> Verdict:
    """The verdict, put off."""
    return instead(verdict, "hold", f"{why}; {verdict.reason}")


def _find(evidence: Evidence, rule: Rule) -> tuple[Finding, str]:
    found, reason = _stopped(evidence, rule) or _needed(evidence, rule)
    if rule.tired and found in ("undecided", "hold"):
        return "refused", f"its patience is at an end; {reason}"
    return found, reason


def _stopped(evidence: Evidence, rule: Rule) -> tuple[Finding, str] | None:
    """What decides whatever else is found: arms that cannot be compared, a veto, harm."""
    if evidence.mismatch:
        return "hold", evidence.mismatch
    down: Finding = "refused" if rule.need == "screen" else "rolled back"
    if harmed := next((guard for guard in evidence.guards if guard.harmed), None):
        unseen = rule.need in ("screen", "prove")  # nobody met it, so there is nothing to roll back
        return "refused" if unseen else down, _vetoes(harmed, "got worse by more than its margin")
    if evidence.late:
        return "undecided", evidence.late
    if evidence.harm >= harm_target(rule.level, evidence.guards):
        return down, _says(evidence, "worse than allowed")
    if evidence.mean < 0 and evidence.skew >= log_target(rule.level / 2):
        return "rolled back", _says(evidence, f"not what shadow promised, at least {evidence.promised:+.4f}")
    return None


def _needed(evidence: Evidence, rule: Rule) -> tuple[Finding, str]:
    if evidence.units < rule.minimum:
        return "undecided", f"{evidence.units} of at least {rule.minimum} units are in"
    match rule.need:
        case "screen":
            return _screen(evidence, rule)
        case "prove":
            return _prove(evidence, rule)
        case "climb":
            return _climb(evidence, rule)
        case "keep":
            return "hold", _says(evidence, "no harm")


def _screen(evidence: Evidence, rule: Rule) -> tuple[Finding, str]:
    if evidence.mean < -rule.margin:
        return "refused", _says(evidence, "worse on the fold that no track has seen")
    return "advance", _says(evidence, "no worse on the fold that no track has seen")


def _prove(evidence: Evidence, rule: Rule) -> tuple[Finding, str]:
    if evidence.better >= log_target(evidence.alpha):
        needed = units_needed(rule.liars, evidence.active, evidence.survives.share)
        if needed is None or evidence.units < needed:
            return "undecided", _says(evidence, f"better, but {_liars(evidence, rule, needed)}")
        return "advance", _says(evidence, f"better, proven at α {evidence.alpha:.4f}")
    outlook = f"about {evidence.more} more" if evidence.more is not None else "at present it looks no better"
    return "undecided", _says(evidence, f"not proven: {outlook}")


def _climb(evidence: Evidence, rule: Rule) -> tuple[Finding, str]:
    if not rule.waited:
        return "hold", _says(evidence, "the stage's floor has not passed")
    if evidence.mean < -rule.margin:
        return "hold", _says(evidence, "it looks worse; harm is not established")
    if rule.proof != "none" and evidence.no_worse < log_target(rule.level):
        return "undecided", _says(evidence, "not yet proven to be no worse")
    for guard in evidence.guards:
        if guard.required and not guard.cleared and (rule.last or rule.proof != "none" or rule.guarded):
            return "undecided", _vetoes(guard, "is not yet proven to be no worse")
    if rule.proof == "better" and (proof := _prove(evidence, rule))[0] != "advance":
        return proof
    return ("promoted" if rule.last else "advance"), _says(evidence, "it holds in front of people")


def _says(evidence: Evidence, what: str) -> str:
    return (
        f"{what}: {evidence.mean:+.4f} [{evidence.low:+.4f}, {evidence.high:+.4f}] reward a decision, "
        f"{evidence.kind}, {evidence.units} units, {evidence.decisions} decisions; would have survived "
        f"{evidence.survives.count} lying units ({evidence.survives.share:.1%})"
    )


def _vetoes(guard: Guard, what: str) -> str:
    ends = "" if guard.low is None or guard.high is None else f" [{guard.low:+.4g}, {guard.high:+.4g}]"
    return (
        f"{guard.name!r} {what}: {guard.mean:+.4g}{ends} better, where {-guard.margin:+.4g} is allowed; "
        f"{guard.units} pairs of units"
    )


def _liars(evidence: Evidence, rule: Rule, needed: int | None) -> str:
    crowd = f"{rule.liars:.2%} of {evidence.active} active units"
    if needed is None:
        return (
            f"it would not survive one lying unit, and {crowd} may lie; vouch for them with a server-side key"
        )
    return f"{crowd} could arrive together; {needed} units are wanted for that"
