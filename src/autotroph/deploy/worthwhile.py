"""Whether the gate may work for a reward: it reads the newest finding about it, and decides nothing itself.

The finding is a measurement of "does it deserve to be chased?", 1 or 0, as an interval: [1, 1] yes, [0, 0]
no, and [0, 1] nobody knows. A reward that deserves it has earned trust. One of which nobody knows passes
while a waiver runs (see `waivers`); after that candidates are held, and promotions too, until it has earned
trust or is waived again. One that does not deserve it is refused, but for a waiver that was given although
that was known, and a row that says none of the three is refused: a gate fails closed.
"""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from autotroph.deploy.judge import held
from autotroph.deploy.waivers import Leave, Waiver
from autotroph.records import Measurement, Verdict


class Passage(msgspec.Struct, frozen=True):
    """Whether a candidate may go on to the gate's own questions, and to the last step.

    Attributes:
        open: whether it may.
        reason: why not, or the warning with which it may; empty where there is nothing to say.
        row: the ledger sequence of the finding, 0 where there is none.
        finding: what becomes of a candidate where it is not open.
        waiver: under which it is.
    """

    open: bool
    reason: str
    row: int = 0
    finding: Literal["refused", "hold"] = "refused"
    waiver: Waiver | None = None

    @property
    def evidence(self) -> dict[str, object]:
        """What a verdict keeps of it; nothing where there is nothing to say."""
        if not self.reason:
            return {}
        said: dict[str, object] = {"open": self.open, "reason": self.reason, "row": self.row}
        if self.waiver is not None:
            said["waiver"] = {name: getattr(self.waiver, name) for name in ("by", "until", "reason", "row")}
        return {"worthwhile": said}

    def stamped(self, verdict: Verdict, units: int) -> Verdict:
        """The verdict with what it passed under; `units` are those that were there, where it names none."""
        return replace(verdict, evidence={"units": units, **verdict.evidence, **self.evidence})

    def promoted(self, verdict: Verdict) -> Verdict:
        """A verdict that would promote, or that it has to wait."""
        found = replace(verdict, evidence={**verdict.evidence, **self.evidence})
        if self.open:
            return found
        return held(found, self.reason)


def anybody(_now: float) -> Passage:
    """The passage where nobody asks what a reward is worth."""
    return Passage(open=True, reason="")


def worthwhile(
    task: str,
    reward: str,
    found: Measurement | None,
    leave: Leave,
    beside: Sequence[Measurement] = (),
) -> Passage:
    """What the newest finding about a reward means for a candidate that was made by chasing it.

    >>> worthwhile("route", "useful", None, Leave()).finding
    'hold'

    Args:
        task: whose candidate.
        reward: its name.
        found: the newest row about this version of the reward; None where it was never examined.
        leave: the waiver that this version has now, if it has one.
        beside: rows of what it was found by, shown in the reason.
    """
    row = found.sequence if found else 0
    fault = _fault(found, task, reward) if found else ""
    if fault:
        reason = f"whether {reward!r} deserves to be chased cannot be read: {fault}; a gate fails closed"
        return Passage(open=False, reason=reason, row=row)
    if found and found.low == 1.0:
        return Passage(open=True, reason="", row=row)
    shows = f"`autotroph rewards check {reward}` shows what is known"
    if found is None:
        return _unknown(
            task, leave, f"whether {reward!r} deserves to be chased was not examined yet; {shows}", row
        )
    by = f"by {found.n} past experiments{_numbers(beside)}; {shows}"
    if found.high == 0.0:
        return _refused(leave, f"{reward!r} does not deserve to be chased, {by}", row)
    return _unknown(task, leave, f"whether {reward!r} deserves to be chased is unknown, {by}", row)


def _unknown(task: str, leave: Leave, what: str, row: int) -> Passage:
    if leave.waiver is not None:
        reason = f"{what}. It passes under {leave.waiver.says}"
        return Passage(open=True, reason=reason, row=row, waiver=leave.waiver)
    reason = (
        f"{what}. It waits, because {leave.why}: until past experiments have shown that an outcome "
        "([outcomes.NAME]) follows the reward, or until somebody takes the risk for a while "
        f"(`autotroph rewards waive {task} --until 30d`)"
    )
    return Passage(open=False, reason=reason, row=row, finding="hold")


def _refused(leave: Leave, what: str, row: int) -> Passage:
    if leave.waiver is not None and leave.waiver.despite:
        reason = f"{what}. It passes all the same under {leave.waiver.says}"
        return Passage(open=True, reason=reason, row=row, waiver=leave.waiver)
    return Passage(open=False, reason=what, row=row)


def _fault(found: Measurement, task: str, reward: str) -> str:
    """What is wrong with a row; empty where it is one of the three findings."""
    about, _, _ = found.name.rpartition("/")
    if found.task != task or about != f"deserves/{reward}":
        return f"the row is about {found.name!r} of task {found.task!r}"
    said = found.value, found.low, found.high
    if said not in ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.5, 0.0, 1.0)):
        return f"the row says {found.value} [{found.low}, {found.high}], which is no finding"
    if found.n < 0 or not math.isfinite(found.at):
        return f"the row counts {found.n} experiments at {found.at}"
    return ""


def _numbers(beside: Sequence[Measurement]) -> str:
    told = [
        f"{_last(row.name)} {row.value:+.3f} [{row.low:+.3g}, {row.high:+.3g}]"
        for row in beside
        if row.n and "/slope/" in row.name
    ]
    return f": {', '.join(told)}" if told else ""


def _last(name: str) -> str:
    _, _, _, what, outcome = name.split("/", 4)
    return f"{what} on {outcome}"
