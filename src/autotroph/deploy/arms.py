"""Two concurrent arms, unit by unit: what each came to in its window, and differences between the two.

A unit belongs to the arm of its first exposure in the stage. It is counted once, when its window has passed
and all that was decided in it is final; units become countable in the order in which they were first exposed,
so that whoever looks again finds the same differences, and more.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from autotroph.deploy.comparisons import Served
from autotroph.deploy.evidence import Difference

Valued = Callable[[Served], float | None]
"""What a served answer came to; None where that is unknown, or not final."""


class Exposed(NamedTuple):
    """A unit of an arm: when it was first exposed, and the mean of what it came to."""

    unit: str
    at: float
    value: float
    verified: bool


class Arms(NamedTuple):
    """The units of both arms, in the order of their first exposure."""

    ours: tuple[Exposed, ...]
    theirs: tuple[Exposed, ...]

    @property
    def pairs(self) -> list[Difference]:
        """The k-th unit of ours against the k-th of theirs: who is paired does not depend on what they did.

        The arms have to be about as large as each other, or the two of a pair come from different times; see
        `partners`.
        """
        return [
            Difference(
                other.unit,
                max(one.at, other.at),
                one.value - other.value,
                one.verified and other.verified,
            )
            for one, other in zip(self.ours, self.theirs, strict=False)
        ]


def arms(
    served: Iterable[Served],
    ours: Callable[[Served], bool],
    theirs: Callable[[Served], bool],
    value: Valued,
    window: float,
    now: float,
) -> Arms:
    """The units of two arms that can be counted now.

    Args:
        served: decisions, in ledger order.
        ours: whether a decision is one of ours.
        theirs: whether it is one of theirs; others are in neither arm.
        value: what it came to.
        window: seconds after a unit's first decision in which its decisions count, and in which each of them
            becomes final.
        now: seconds since the epoch.
    """
    found: dict[str, tuple[bool, float, list[float], bool]] = {}
    for one in served:
        mine = ours(one)
        if not mine and not theirs(one):
            continue
        known = found.setdefault(one.unit, (mine, one.at, [], one.verified))
        if one.at <= known[1] + window and known[0] == mine and (worth := value(one)) is not None:
            known[2].append(worth)
    ripe = [(unit, *rest) for unit, rest in found.items() if now >= rest[1] + 2 * window]
    sides = tuple(_side(ripe, mine=mine) for mine in (True, False))
    return Arms(*sides)


def _side(ripe: Sequence[tuple[str, bool, float, list[float], bool]], *, mine: bool) -> tuple[Exposed, ...]:
    return tuple(
        Exposed(unit, at, sum(values) / len(values), verified)
        for unit, side, at, values, verified in ripe
        if side == mine and values
    )
