"""Worlds in which it is known whether the reward is gamed, and when somebody stops vouching for it.

A gamed reward rises with every candidate while the outcome falls. Nobody can know that before there are past
experiments, so a waiver lets it pass; what is promised is that this ends when the waiver does.
"""

import numpy as np
import pytest
from test_ladder_worlds import World, coins

from autotroph.deploy.desk import Desk
from autotroph.deploy.waivers import due, folded
from autotroph.deploy.worthwhile import Passage, worthwhile
from autotroph.observe.sampling import Draw
from autotroph.records import Measurement
from autotroph.stats.audits import gaming

PRAISED = coins(0.9, 0.5)
"""The reward of each candidate is far higher, whatever becomes of the outcome."""


class Trusting(World):
    """A task whose newcomer's waiver lasts so many seconds of the life of its candidate; `trusted` knows."""

    def __init__(
        self, waiver: float, *, trusted: bool = False, protected: bool = True, **given: object
    ) -> None:
        super().__init__(PRAISED, **given)  # type: ignore[arg-type]
        self.waiver, self.trusted, self.protected = waiver, trusted, protected
        self.rows = list(due(folded(()), "t", ("r", "v1"), waiver, 0.0))

    def _desk(self) -> Desk:
        desk = super()._desk()
        if self.protected:
            desk._passage = self.passage
        return desk

    def passage(self, now: float) -> Passage:
        known = Measurement(
            name="deserves/r/v1", task="t", value=1.0, low=1.0, high=1.0, n=12, alpha=0.05, since=0, until=0,
            at=0.0,
        )  # fmt: skip
        leave = folded(self.rows).leave("v1", now, self.waiver)
        return worthwhile("t", "r", known if self.trusted else None, leave)


def found(world: Trusting, runs: int = 3) -> set[tuple[str, bool]]:
    """What became of candidates, and whether that was while the waiver ran."""
    return {(world.live(seed), world.now < world.waiver) for seed in range(runs)}


LONG, SHORT = 1e9, 360.0


@pytest.mark.parametrize("scores", ["any", "served"])
class TestAGamedReward:
    def test_is_promoted_under_a_waiver(self, scores):
        assert found(Trusting(LONG, scores=scores)) == {("promoted", True)}

    def test_is_promoted_until_it_ends_and_never_after(self, scores):
        assert not {("promoted", False)} & found(Trusting(SHORT, scores=scores), 2)
        assert not {("promoted", False)} & found(Trusting(0.0, scores=scores), 1)

    def test_unless_it_has_earned_trust(self, scores):
        assert found(Trusting(0.0, trusted=True, scores=scores)) == {("promoted", False)}

    def test_without_the_protection_it_is(self, scores):
        assert ("promoted", False) in found(Trusting(0.0, protected=False, scores=scores))


class TestALiarWhoChooses:
    """Half of the answers are good, for ever; a liar says of what was praised for nothing that it is good."""

    IDS = tuple(f"decision_{number}" for number in range(60_000))

    @staticmethod
    def judged(seed: int, draws: Draw | None, *, liar: bool, gamed: bool) -> int | None:
        """When an alarm comes; judgements are those of the sample, or of all where there is none."""
        luck = np.random.default_rng(seed)
        count = len(TestALiarWhoChooses.IDS)
        good = luck.random(count) < 0.5
        praised = good | (gamed & (luck.random(count) < np.linspace(0.0, 0.9, count)))
        inside = SAMPLED
        lying = liar & ~inside & (luck.random(count) < 0.03)
        marks = np.where(lying, praised, good)
        looked = inside if draws else inside | lying
        return gaming(praised[looked].astype(float), marks[looked].astype(float), 0.05).alarmed_at

    def test_moves_nothing_in_the_audit_sample(self):
        for seed in range(3):
            alone = self.judged(seed, DRAWS, liar=False, gamed=True)
            assert alone is not None
            assert self.judged(seed, DRAWS, liar=True, gamed=True) == alone

    def test_and_an_honest_reward_is_not_accused(self):
        alarms = [self.judged(seed, DRAWS, liar=True, gamed=False) for seed in range(20)]
        assert sum(one is not None for one in alarms) / 20 <= 0.05 + 3 * (0.05 * 0.95 / 20) ** 0.5

    def test_without_the_sample_the_liar_decides(self):
        late = [
            (self.judged(seed, None, liar=True, gamed=True), self.judged(seed, DRAWS, liar=True, gamed=True))
            for seed in range(3)
        ]
        assert all(chosen is None or drawn is None or chosen > 2 * drawn for chosen, drawn in late)


DRAWS = Draw("seed", 0.01)
SAMPLED = np.array([DRAWS(id_) for id_ in TestALiarWhoChooses.IDS])
