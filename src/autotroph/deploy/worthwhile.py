"""Whether the gate may work for a reward: it reads the newest finding about it, and decides nothing itself.

The finding is a measurement of "does it deserve to be chased?", 1 or 0, as an interval: [1, 1] yes, [0, 0]
no, and [0, 1] nobody knows. A reward of which nobody knows passes with a warning; one that does not deserve
it, and a row that says none of the three, do not pass: a gate fails closed.
"""

import math
from collections.abc import Sequence

import msgspec

from autotroph.records import Measurement


class Passage(msgspec.Struct, frozen=True):
    """Whether a candidate may go on to the gate's own questions.

    Attributes:
        open: whether it may.
        reason: why not, or the warning with which it may; empty where there is nothing to say.
        row: the ledger sequence of the finding, 0 where there is none.
    """

    open: bool
    reason: str
    row: int = 0

    @property
    def evidence(self) -> dict[str, object]:
        """What a verdict keeps of it; nothing where there is nothing to say."""
        return (
            {"worthwhile": {"open": self.open, "reason": self.reason, "row": self.row}} if self.reason else {}
        )


def worthwhile(
    task: str, reward: str, found: Measurement | None, beside: Sequence[Measurement] = ()
) -> Passage:
    """What the newest finding about a reward means for a candidate that was made by chasing it.

    >>> worthwhile("route", "useful", None).open
    True

    Args:
        task: whose candidate.
        reward: its name.
        found: the newest row about this version of the reward; None where it was never examined.
        beside: rows of what it was found by, shown in the reason.
    """
    if found is None:
        return Passage(
            open=True,
            reason=f"whether {reward!r} deserves to be chased was not examined yet; "
            f"`autotroph rewards check {reward}` shows what is known",
        )
    fault = _fault(found, task, reward)
    if fault:
        return Passage(
            open=False,
            reason=f"whether {reward!r} deserves to be chased cannot be read: {fault}; a gate fails closed",
            row=found.sequence,
        )
    if found.low == 1.0:
        return Passage(open=True, reason="", row=found.sequence)
    shows = f"{_numbers(beside)}; `autotroph rewards check {reward}` shows it"
    if found.high == 0.0:
        return Passage(
            open=False,
            reason=f"{reward!r} does not deserve to be chased, by {found.n} past experiments{shows}",
            row=found.sequence,
        )
    return Passage(
        open=True,
        reason=f"whether {reward!r} deserves to be chased is unknown, by {found.n} past experiments{shows}",
        row=found.sequence,
    )


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
