"""Evidence in, verdict out; pure. The gate, the ladder and the watch over what was promoted all ask here."""

from typing import Literal

import msgspec

from autotroph.clock import digest
from autotroph.deploy.evidence import Evidence
from autotroph.records import Finding, Verdict
from autotroph.stats.betting import log_target

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
        last: whether the next step of the ladder is everybody.
        proof: what climbing takes: nothing more than no sign of harm, proof of being no worse, or proof of
            being better (before the last step, where shadow could not give it).
    """

    judge: Literal["gate", "ladder"]
    need: Need
    margin: float
    level: float
    minimum: int
    waited: bool = True
    last: bool = False
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


def _find(evidence: Evidence, rule: Rule) -> tuple[Finding, str]:
    if evidence.late:
        return "undecided", evidence.late
    harmed = evidence.harm >= log_target(rule.level)
    if harmed:
        return ("refused" if rule.need == "screen" else "rolled back"), _says(evidence, "worse than allowed")
    if evidence.mean < 0 and evidence.skew >= log_target(rule.level / 2):
        return "rolled back", _says(evidence, f"not what shadow promised, at least {evidence.promised:+.4f}")
    if evidence.units < rule.minimum:
        return "undecided", f"{evidence.units} of at least {rule.minimum} units are in"
    return _needed(evidence, rule)


def _needed(evidence: Evidence, rule: Rule) -> tuple[Finding, str]:
    match rule.need:
        case "screen":
            return _screen(evidence, rule)
        case "prove":
            return _prove(evidence)
        case "climb":
            return _climb(evidence, rule)
        case "keep":
            return "hold", _says(evidence, "no harm")


def _screen(evidence: Evidence, rule: Rule) -> tuple[Finding, str]:
    if evidence.mean < -rule.margin:
        return "refused", _says(evidence, "worse on the fold that no track has seen")
    return "advance", _says(evidence, "no worse on the fold that no track has seen")


def _prove(evidence: Evidence) -> tuple[Finding, str]:
    if evidence.better >= log_target(evidence.alpha):
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
    if rule.proof == "better" and evidence.better < log_target(evidence.alpha):
        return _prove(evidence)
    return ("promoted" if rule.last else "advance"), _says(evidence, "it holds in front of people")


def _says(evidence: Evidence, what: str) -> str:
    return (
        f"{what}: {evidence.mean:+.4f} [{evidence.low:+.4f}, {evidence.high:+.4f}] reward a decision, "
        f"{evidence.kind}, {evidence.units} units, {evidence.decisions} decisions"
    )
