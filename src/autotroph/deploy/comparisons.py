"""Final rewards side by side: what each release earned, or would have earned, on the same decision."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from autotroph.deploy.evidence import Difference
from autotroph.records import Arm, Decision, Fold, Reward


class Served(msgspec.Struct, frozen=True):
    """The facts of a served decision that comparisons select by."""

    sequence: int
    id: str
    at: float
    unit: str
    cluster: str
    fold: Fold
    arm: Arm
    release: str


class Comparisons:
    """One task's final rewards, by release and decision. Holds nothing that the ledger does not."""

    def __init__(self) -> None:
        self._served: list[Served] = []
        self._values: dict[str, dict[str, float]] = defaultdict(dict)
        self._known = self._told = 0

    def serve(self, decision: Decision) -> None:
        """Take note of a served decision; in ledger order."""
        self._served.append(
            Served(
                decision.sequence,
                decision.id,
                decision.at,
                decision.unit,
                decision.cluster,
                decision.fold,
                decision.arm,
                decision.release,
            )
        )

    def reward(self, decision: Decision, reward: Reward) -> None:
        """Take a final reward, which may have moved; an unknown one compares with nothing."""
        values, about = self._values[decision.release], decision.about
        if decision.served:
            self._known += (reward.value is not None) - (about in values)
        if reward.value is None:
            values.pop(about, None)
        else:
            values[about] = reward.value

    def grown(self, by: int) -> bool:
        """Whether so many more served answers have a reward as when this was last true."""
        if self._known // by == self._told:
            return False
        self._told = self._known // by
        return True

    def value(self, release: str, decision: str) -> float | None:
        """What a release earned on a served decision, shown or in shadow."""
        return self._values[release].get(decision)

    def served(self, after: int = 0) -> Iterator[Served]:
        """The served decisions after a ledger sequence."""
        start = bisect_right(self._served, after, key=lambda one: one.sequence)
        return iter(self._served[start:])

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
        ours, theirs = self._values[release], self._values[against]
        return [
            Difference(one.unit, one.at, ours[one.id] - theirs[one.id])
            for one in self.served(after)
            if one.id in ours
            and one.id in theirs
            and (one.arm == arm if arm else one.arm != "holdback")
            and (shown or one.release != release)
        ]

    def lifted(self, zero: str) -> list[Difference]:
        """What was served against release 0 on the same decisions, outside the holdback; by cluster."""
        theirs = self._values[zero]
        return [
            Difference(one.cluster, one.at, self._values[one.release][one.id] - theirs[one.id])
            for one in self.served()
            if one.arm != "holdback" and one.id in theirs and one.id in self._values[one.release]
        ]

    def by_arm(self) -> list[tuple[bool, float]]:
        """Each unit's mean reward for what it was served, and whether it was held back; by first exposure."""
        found: dict[str, tuple[bool, list[float]]] = {}
        for one in self.served():
            value = self._values[one.release].get(one.id)
            if value is not None:
                found.setdefault(one.unit, (one.arm == "holdback", []))[1].append(value)
        return [(held, sum(values) / len(values)) for held, values in found.values()]

    def split(self, *, after: int) -> list[Difference]:
        """Differences between the k-th unit of the candidate's arm and the k-th of the control's.

        The arms are equally large, so that who is paired with whom does not depend on what they did.
        """
        arms: dict[str, dict[str, list[tuple[float, float]]]] = {"candidate": {}, "control": {}}
        for one in self.served(after):
            value = self._values[one.release].get(one.id)
            if one.arm in arms and value is not None:
                arms[one.arm].setdefault(one.unit, []).append((one.at, value))
        pairs = zip(arms["candidate"].items(), arms["control"].items(), strict=False)
        return [
            Difference(unit, max(ours[0][0], theirs[0][0]), _mean(ours) - _mean(theirs))
            for (unit, ours), (_, theirs) in pairs
        ]


def _mean(rewards: list[tuple[float, float]]) -> float:
    return sum(value for _, value in rewards) / len(rewards)
