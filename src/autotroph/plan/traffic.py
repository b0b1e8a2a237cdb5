"""What a ledger says of a task's traffic: how much there is, and what each unit of it came to.

Units are counted as the ladder counts them: once, by the mean of their final values over a window after their
first exposure. So what is tried on them is tried on what the ladder would see.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from autotroph.deploy.arms import arms
from autotroph.deploy.comparisons import Comparisons, Served
from autotroph.deploy.evidence import Difference, increments_of
from autotroph.deploy.guards import Sides, Watched
from autotroph.deploy.weighing import MONTH, Weighing
from autotroph.digest.measures import measures_of
from autotroph.records import Candidate, Cycle, Decision, Release, Reward
from autotroph.spec import Spec
from autotroph.store import Reader

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
Progress = Callable[[int, int], None]

NEWEST = 100_000
"""So many of the newest served decisions of a task are looked at."""

DAY = 86_400.0


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One measure, unit by unit, in the order of first exposure; more is better.

    Attributes:
        places: which unit each value is of; `at`: when that was first exposed; `values`: what it came to.
        width: of the range of values; None where there is none.
        margin: how much worse is no worse yet; `level`: of its harm test.
        required: whether a promotion takes proof that it is no worse.
        worth: whether it is the reward, of everybody or in a segment.
    """

    name: str
    places: Places
    at: Numbers
    values: Numbers
    width: float | None
    margin: float
    level: float
    required: bool = False
    worth: bool = False


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """How much comes in: of the last four weeks, or of as long as there is.

    Attributes:
        days: that was looked at.
        units: different ones a day; `decisions`: of each of them.
        feedback: share of the decisions whose reward comes to be known.
    """

    days: float
    units: float
    decisions: float
    feedback: float

    @property
    def known(self) -> float:
        """Units a day of which the reward of at least one decision comes to be known."""
        return self.units * float(1.0 - (1.0 - self.feedback) ** max(self.decisions, 1.0))


class Rivals(msgspec.Struct, frozen=True, kw_only=True):
    """What was served and what another release would have answered, on the same decisions, unit by unit."""

    against: str
    ours: Numbers
    theirs: Numbers


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """One task's.

    Attributes:
        decisions: served, outside the holdback; `final`: those of them with a final reward, and `known`: with
            one that is a number.
        range: of the reward.
        exposed: when each unit was first exposed.
        reward: as it is weighed between two arms; `guards`: everything that can veto.
        verified: whether a server-side key vouches for all of them.
        rivals: None where no two releases answered the same decisions.
    """

    task: str
    name: str
    decisions: int
    final: int
    known: int
    range: tuple[float, float]
    exposed: Numbers
    reward: Column
    guards: tuple[Column, ...]
    verified: bool
    rivals: Rivals | None
    flow: Flow


def traffic(
    reader: Reader, spec: Spec, task: str, progress: Progress | None = None, newest: int = NEWEST
) -> Traffic:
    """A task's traffic, by what is declared now, as of the last cycle.

    Args:
        reader: of the ledger.
        spec: the declaration.
        task: its name.
        progress: is told up to which ledger sequence of which it has read.
        newest: so many of the newest served decisions are looked at.
    """
    last = reader.get(Cycle)
    now = last.at if last else 0.0
    weighing = Weighing(task, spec)
    shadowed = _recall(reader, weighing, progress or (lambda *_: None), newest)
    comparisons = weighing.comparisons
    everything = list(comparisons.served())
    served = [one for one in everything if one.arm != "holdback"]
    exposed, rewarded, guards = columns(weighing, served, now)
    final = [one for one in served if comparisons.missing(one) is not None]
    return Traffic(
        task=task,
        name=spec.tasks[task].reward,
        decisions=len(served),
        final=len(final),
        known=sum(comparisons.earned(one) is not None for one in final),
        range=weighing.reward.range,
        exposed=exposed,
        reward=rewarded,
        guards=guards,
        verified=bool(served) and all(one.verified for one in served),
        rivals=_rivals(reader, weighing, served, shadowed, now),
        flow=_flow(everything, comparisons),
    )


def columns(
    weighing: Weighing, served: Sequence[Served], now: float
) -> tuple[Numbers, Column, tuple[Column, ...]]:
    """When each unit was first exposed, what it came to, and all that can veto."""
    found = _Columns(served, now)
    exposed = np.array(list(_first(served).values()), dtype=np.float64)
    return exposed, found.reward(weighing), tuple(found.guards(weighing))


_OLDEST = """
SELECT min(sequence) FROM (SELECT sequence FROM decisions WHERE task = :task AND served = 1
                           ORDER BY sequence DESC LIMIT :newest)"""

_FAILED = "SELECT decision FROM completions WHERE error <> '' AND sequence >= :since"


def _recall(reader: Reader, weighing: Weighing, progress: Progress, newest: int) -> Counter[str]:
    """Fill the comparisons from the ledger; how many answers in shadow each release has a reward for."""
    ((oldest,),) = reader.query(_OLDEST, {"task": weighing.task, "newest": newest}).rows
    since, last = int(oldest or 1), reader.last()
    failed = {row[0] for row in reader.query(_FAILED, {"since": since}).rows}
    spec = weighing.spec
    texts = bool(spec.task(weighing.task).segments)
    decisions: dict[str, Decision] = {}
    for decision in reader.scan(Decision, after=since - 1, texts=texts, task=weighing.task):
        if decision.provenance != "import":
            decisions[decision.id] = decision
        if decision.served and decision.provenance == "product":
            weighing.comparisons.serve(decision, failed=decision.id in failed)
        if not len(decisions) % 1000:
            progress(decision.sequence, last)
    shadowed: Counter[str] = Counter()
    for measure in measures_of(spec, weighing.task).values():
        for row in reader.scan(
            Reward, after=since - 1, final=True, name=measure.name, version=measure.version
        ):
            if (about := decisions.get(row.decision)) is not None:
                weighing.comparisons.take(about, row)
                shadowed[about.release] += not about.served
    return shadowed


def _first(served: Sequence[Served]) -> dict[str, float]:
    """When each unit was first exposed, in that order."""
    found: dict[str, float] = {}
    for one in served:
        found.setdefault(one.unit, one.at)
    return found


class _Columns:
    """Columns of these decisions, as of a time."""

    def __init__(self, served: Sequence[Served], now: float) -> None:
        self._served, self._now = served, now
        self._place = {unit: place for place, unit in enumerate(_first(served))}

    def of(self, watched: Watched, served: Sequence[Served], level: float, *, worth: bool) -> Column:
        """What is watched, in these of the decisions."""
        units = arms(served, _all, _none, watched.value, watched.window, self._now).ours
        values = np.array([one.value for one in units], dtype=np.float64)
        return Column(
            name=watched.name,
            places=np.array([self._place[one.unit] for one in units], dtype=np.intp),
            at=np.array([one.at for one in units], dtype=np.float64),
            values=values if watched.higher else -values,
            width=watched.span and watched.span[1] - watched.span[0],
            margin=watched.margin,
            level=level,
            required=watched.required,
            worth=worth,
        )

    def reward(self, weighing: Weighing) -> Column:
        """The reward of everybody."""
        name, earned = weighing.spec.tasks[weighing.task].reward, weighing.comparisons.earned
        margin, gate = weighing.spec.ladder.margin, weighing.spec.gate
        watched = Watched(name, earned, weighing.window, margin, weighing.reward.range, higher=True)
        return self.of(watched, self._served, gate.alpha, worth=True)

    def guards(self, weighing: Weighing) -> Iterator[Column]:
        """Everything that can veto, as it is weighed between two arms."""
        earned = weighing.comparisons.earned
        for watched, sides, level in weighing.guards.asked(Sides(self._served, _all, _none)):
            yield self.of(watched, sides.served, level, worth=watched.value == earned)


def _all(_one: Served) -> bool:
    return True


def _none(_one: Served) -> bool:
    return False


def _rivals(
    reader: Reader, weighing: Weighing, served: Sequence[Served], shadowed: Counter[str], now: float
) -> Rivals | None:
    """What was served against the release that answered most of it in shadow."""
    if not weighing.paired or not shadowed:
        return None
    ((other, _),) = shadowed.most_common(1)
    comparisons = weighing.comparisons
    both = [
        (one, mine, theirs)
        for one in served
        if one.release != other
        and (mine := comparisons.earned(one)) is not None
        and (theirs := comparisons.value(other, one.id)) is not None
    ]
    sides = [
        increments_of((Difference(one.unit, one.at, pair[side]) for one, *pair in both), weighing.window, now)
        for side in (0, 1)
    ]
    named = reader.get(Release, id=other) or reader.get(Candidate, id=other)
    return Rivals(
        against=named.name if named else other, ours=np.array(sides[0][0]), theirs=np.array(sides[1][0])
    )


def _flow(served: Sequence[Served], comparisons: Comparisons) -> Flow:
    latest = max((one.at for one in served), default=0.0)
    recent = [one for one in served if one.at > latest - MONTH]
    days = max((latest - min((one.at for one in recent), default=latest)) / DAY, 1.0)
    units = len({one.unit for one in recent})
    ripe = [one for one in recent if comparisons.missing(one) is not None] or [
        one for one in served if comparisons.missing(one) is not None
    ]
    return Flow(
        days=days,
        units=units / days,
        decisions=len(recent) / max(units, 1),
        feedback=sum(comparisons.missing(one) == 0.0 for one in ripe) / max(len(ripe), 1),
    )
