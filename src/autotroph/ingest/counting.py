"""Which of the things said about a subject count for a decision, and what they come to.

| take | what counts |
|---|---|
| last, first | the last or first by event time, ties by id |
| any | 1 if any of them is true |
| mean | their mean |
| votes | of each user the last, and of these the mean; those without a user are one |

A signal about a session is credited to every served decision of its task in the session; or to the first, or
the last, of those that were made by then; or it is split among them evenly. Where its clock says that none
was made by then, all were.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from math import fsum
from typing import Literal, NamedTuple

from autotroph.records import Value

Credit = Literal["every", "first", "last", "split"]
Made = tuple[float, str]
"""When a decision was made, and its id: their order in a session."""


class Said(NamedTuple):
    """A signal as it lies in the ledger."""

    at: float
    id: str
    value: Value
    user: str
    agreed: bool


class Timeline:
    """One signal about one subject, in the order of its event times.

    Who is credited is worked out once: a decision then finds its part by searching, so that a session of a
    hundred thousand decisions costs little more than so many of one.

    Args:
        said: of one type, in order.
        credit: to which decisions of a session it goes.
        session: its served decisions of the task, sorted; of no use where each is credited.
    """

    def __init__(self, said: Sequence[Said], credit: Credit, session: Sequence[Made] = ()) -> None:
        self._said, self._credit, self._session = said, credit, session
        self._times = [one.at for one in said]
        self.agreed = all(one.agreed for one in said)
        self._early = bisect_left(self._times, session[0][0]) if session else 0
        then = [bisect_right(session, at, key=_when) for at in self._times[self._early :]]
        self._by_then = [len(session)] * self._early + then
        if credit == "split" and session:
            shared = zip(said, self._by_then, strict=True)
            self._said = [one._replace(value=float(one.value) / by_then) for one, by_then in shared]

    def counted(self, end: float, made: Made) -> Sequence[Said]:
        """What was said before `end` and counts for the decision that was made then."""
        stop = bisect_left(self._times, end)
        if self._credit == "every" or not stop:
            return self._said[:stop]
        place = bisect_left(self._session, made)
        early = min(self._early, stop) if place in self._credited_early() else 0
        start, until = self._credited(place)
        return [*self._said[:early], *self._said[start : min(until, stop)]]

    def _credited_early(self) -> range:
        """The places of those that what was said before the first of them goes to: all were made by then."""
        every = len(self._session)
        return {"first": range(1), "last": range(every - 1, every)}.get(self._credit, range(every))

    def _credited(self, place: int) -> tuple[int, int]:
        """From where to where the rest goes to a place."""
        begin, end = self._early, len(self._times)
        if self._credit == "first":
            return (begin, end) if place == 0 else (end, end)
        start = bisect_left(self._by_then, place + 1, begin)
        return start, end if self._credit == "split" else bisect_right(self._by_then, place + 1, begin)


def _when(made: Made) -> float:
    return made[0]


def _mean(values: Sequence[Value]) -> float:
    return fsum(map(float, values)) / len(values)


TAKE: dict[str, Callable[[Sequence[Said]], Value]] = {
    "last": lambda said: said[-1].value,
    "first": lambda said: said[0].value,
    "any": lambda said: any(one.value for one in said),
    "mean": lambda said: _mean([one.value for one in said]),
    "votes": lambda said: _mean(list({one.user: one.value for one in said}.values())),
}
