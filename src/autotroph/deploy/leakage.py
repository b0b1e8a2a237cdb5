"""Whether the gate's fold asks what the tracks have learned from, and what that is worth.

The fold is drawn by units, so that nobody is in both. Two people may ask the same, though, and where what is
asked is somebody's own words, the same words are as a rule the same thing asked twice, with the same outcome:
a candidate that only remembers looks good on it. A few categories come again in any case, with an outcome of
their own each time. See docs/decisions/0012.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from autotroph.deploy.judge import instead
from autotroph.features.asked import free_text
from autotroph.records import Decision, Interaction, Verdict
from autotroph.spec import TaskSpec


class Leakage(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a fold.

    Attributes:
        share: of its decisions that ask what the tracks have learned from.
        units: how many units have asked something else.
        text: whether what is asked are somebody's own words.
        judged: by which of the decisions the candidate was judged.
    """

    share: float
    units: int
    text: bool
    judged: Literal["all", "unseen"] = "all"


def unseen(fold: Sequence[Interaction], learned: Callable[[Decision], bool]) -> frozenset[str]:
    """The decisions of a fold that ask what the tracks have not learned from, by their ids."""
    return frozenset(one.decision.id for one in fold if not learned(one.decision))


def leakage(fold: Sequence[Interaction], fresh: frozenset[str], task: TaskSpec) -> Leakage:
    """How much of a fold the tracks have seen.

    Args:
        fold: the gate's.
        fresh: the decisions that ask something else.
        task: declares what is asked.
    """
    return Leakage(
        share=1.0 - len(fresh) / len(fold) if fold else 0.0,
        units=len({one.decision.unit for one in fold if one.decision.id in fresh}),
        text=any(free_text(one.decision, task) for one in fold),
    )


def stricter(whole: Verdict, fresh: Verdict, found: Leakage) -> Verdict:
    """The verdict on what was asked for the first time, unless all of it together is refused already."""
    if whole.finding == "refused" or fresh.finding == "advance":
        return whole if whole.finding == "refused" else fresh
    reason = (
        f"it is good only where its inputs were seen before: {found.share:.0%} of the fold's decisions ask"
        f" what the tracks have learned from; where they do not, {fresh.reason}"
    )
    return instead(fresh, "refused", reason)
