"""Final values side by side: what each release earned, or would have earned, on the same decision."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge

import msgspec

from autotroph.deploy.evidence import Difference
from autotroph.records import Arm, Decision, Fold, Reward


class Served(msgspec.Struct, frozen=True, gc=False):
    """The facts of a served decision that comparisons select by.

    Attributes:
        failed: something went wrong in answering it.
        segments: the values of the task's segments, `name=value` each.
    """

    sequence: int
    id: str
    at: float
    unit: str
    cluster: str
    fold: Fold
    arm: Arm
    release: str
    verified: bool
    failed: bool
    segments: tuple[str, ...]


class Comparisons:
    """One task's final values, by measure, release and decision. Holds nothing that the ledger does not.

    Args:
        reward: the name of the task's reward.
        segments: names of the task's context, in whose values comparisons can be made apart.
    """

    def __init__(self, reward: str, segments: Iterable[str] = ()) -> None:
        self._reward, self._segments = reward, tuple(segments)
        self._served: list[Served] = []
        self._tried: list[Served] = []
        self._values: dict[tuple[str, str], dict[str, float | None]] = defaultdict(dict)
        self._known = self._told = 0

    def serve(self, decision: Decision, *, failed: bool = False) -> None:
        """Take note of a served decision; in ledger order. Those of experiments by hand are kept apart."""
        (self._tried if decision.arm == "experiment" else self._served).append(
            Served(
                decision.sequence,
                decision.id,
                decision.at,
                decision.unit,
                decision.cluster,
                decision.fold,
                decision.arm,
                decision.release,
                decision.verified,
                failed,
                tuple(f"{name}={decision.inputs.get(name)}" for name in self._segments),
            )
        )

    def take(self, decision: Decision, row: Reward) -> None:
        """Take a final value of a measure, which may have moved; an unknown one compares with nothing."""
        values, about = self._values[row.name, decision.release], decision.about
        if decision.served and row.name == self._reward:
            self._known += (row.value is not None) - (values.get(about) is not None)
        values[about] = row.value

    def grown(self, by: int) -> bool:
        """Whether so many more served answers have a reward as when this was last true."""
        if self._known // by == self._told:
            return False
        self._told = self._known // by
        return True

    def value(self, release: str, decision: str, measure: str = "") -> float | None:
        """What a release earned on a served decision, shown or in shadow."""
        return self._values[measure or self._reward, release].get(decision)

    def served(self, after: int = 0) -> Iterator[Served]:
        """The served decisions after a ledger sequence, without those of experiments by hand."""
        return iter(_after(self._served, after))

    def tried(self, after: int = 0) -> Iterator[Served]:
        """The served decisions of experiments by hand, after a ledger sequence."""
        return iter(_after(self._tried, after))

    def concurrent(self, after: int) -> Iterator[Served]:
        """All served decisions after a ledger sequence, in its order."""
        return merge(self.served(after), self.tried(after), key=_sequence)

    def active(self, since: float) -> int:
        """How many units were served at this time or later."""
        return len({one.unit for one in (*self._served, *self._tried) if one.at >= since})

    def earned(self, one: Served, measure: str = "") -> float | None:
        """What a served answer came to, by the task's reward unless a measure is named."""
        return self._values[measure or self._reward, one.release].get(one.id)

    def missing(self, one: Served) -> float | None:
        """1 where the reward of a served answer stays unknown, 0 where it came; None until it is final."""
        values = self._values[self._reward, one.release]
        return float(values[one.id] is None) if one.id in values else None

    def paired(
        self, release: str, against: str, *, after: int, arm: Arm | None = None, shown: bool = True
    ) -> list[Difference]:
        """Differences on the same decisions, outside the holdback.

        Args:
            release: whose reward, less that of `against`.
            against: another release.
            after: of decisions after this ledger sequence.
            arm: of this arm only.
            shown: False leaves out the decisions that the release served itself.
        """
        ours, theirs = self._values[self._reward, release], self._values[self._reward, against]
        return [
            Difference(one.unit, one.at, mine - other, one.verified)
            for one in self.served(after)
            if (mine := ours.get(one.id)) is not None
            and (other := theirs.get(one.id)) is not None
            and (one.arm == arm if arm else one.arm != "holdback")
            and (shown or one.release != release)
        ]

    def lifted(self, zero: str) -> list[Difference]:
        """What was served against release 0 on the same decisions, outside the holdback; by cluster."""
        theirs = self._values[self._reward, zero]
        return [
            Difference(one.cluster, one.at, mine - other, one.verified)
            for one in self.served()
            if one.arm != "holdback"
            and (other := theirs.get(one.id)) is not None
            and (mine := self.earned(one)) is not None
        ]

    def by_arm(self) -> list[tuple[bool, float]]:
        """Each unit's mean reward for what it was served, and whether it was held back; by first exposure."""
        found: dict[str, tuple[bool, list[float]]] = {}
        for one in self.served():
            value = self.earned(one)
            if value is not None:
                found.setdefault(one.unit, (one.arm == "holdback", []))[1].append(value)
        return [(held, sum(values) / len(values)) for held, values in found.values()]


def _sequence(one: Served) -> int:
    return one.sequence


def _after(served: Sequence[Served], sequence: int) -> Sequence[Served]:
    return served[bisect_right(served, sequence, key=_sequence) :]
