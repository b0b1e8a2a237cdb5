"""Worlds in which people are silent, or slow: the declared rule finds the truth, and nothing = 0 does not.

Everything from the rows on is the product's own: signals in a real ledger, joined, valued, compared.
"""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from autotroph.deploy.comparisons import Comparisons
from autotroph.deploy.evidence import Scale, weigh
from autotroph.deploy.guards import Sides
from autotroph.deploy.judge import Rule, judge
from autotroph.deploy.lateness import Lateness
from autotroph.digest.measures import measure_of, measured
from autotroph.ingest.joining import Joiner, Use
from autotroph.records import Body, Candidate, Completion, Decision, Signal
from autotroph.spec import parse
from autotroph.stats.confidence import asymptotic_interval
from autotroph.store import open_store

DAY = 86_400.0
SPEC = """
[product]
name = "world"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
reward = "good"
[signals]
good_one = { type = "boolean" }
[rewards.good]
value = "good_one"
range = [0, 10]
horizon = "HORIZON"
silent = { good_one = SILENT }
"""
RULE = Rule(judge="ladder", need="climb", margin=0.02, level=0.05, minimum=30, last=True, proof="better")


def rewards(folder, people, silent, horizon="3d"):
    """What each person's decision was worth; people are (id, arm, what they say, after how long)."""
    spec = parse(SPEC.replace("HORIZON", horizon).replace("SILENT", silent))
    measure = measure_of(spec, "t")
    store = open_store(folder / "ledger.db")
    answers = [(_decision(name, arm, place), Completion(decision=name, output="", at=float(place)))
               for place, (name, arm, _, _) in enumerate(people)]  # fmt: skip
    signals = [
        Signal(id=f"s{name}", name="good_one", about="decision", subject=name, value=said, at=place + delay)
        for place, (name, _, said, delay) in enumerate(people)
        if said is not None
    ]
    rows = [row for pair in answers for row in pair] + signals
    for start in range(0, len(rows), 4000):
        store.append(*rows[start : start + 4000])
    store.append().durable()
    joiner = Joiner(store, {"t": {"good": Use(measure.horizon, measure.signals, served=True)}})
    joiner.take(answers)
    now = 1e9
    found = {
        one.interaction.decision.id: measured(measure, one.interaction, now)
        for one in joiner.due(now, store.last())
    }
    return store, measure, [decision for decision, _ in answers], found


def _decision(name, arm, place):
    return Decision(
        id=name, task="t", release=arm, epoch=0, arm=arm, p_arm=0.5, options=(), option="a", unit=name,
        unit_kind="user", cluster=name, fold="tracks", policy="", variant="", declaration="",
        at=float(place), user=name,
    )  # fmt: skip


def mean_of(found):
    values = [row.value for row in found.values() if row.value is not None]
    return asymptotic_interval(values, 0.05, 1000)


@pytest.fixture
def luck():
    return np.random.default_rng(11)


class TestSilence:
    PEOPLE = 6000
    TRUTH = 0.4

    def people(self, luck, says):
        """Each likes it with probability TRUTH, and says so with a probability that may depend on it."""
        likes = luck.random(self.PEOPLE) < self.TRUTH
        speaks = luck.random(self.PEOPLE) < np.where(likes, *says)
        found = zip(likes, speaks, strict=True)
        return [
            (f"u{n}", "main", bool(like) if speak else None, 60.0) for n, (like, speak) in enumerate(found)
        ]

    def test_at_random_unknown_is_right_and_nothing_is_zero_is_wrong(self, tmp_path, luck):
        people = self.people(luck, (0.3, 0.3))
        honest = mean_of(self._found(tmp_path / "a", people, '"unknown"'))
        naive = mean_of(self._found(tmp_path / "b", people, "false"))
        assert honest.low <= self.TRUTH <= honest.high
        assert naive.high < self.TRUTH - 0.2

    def test_more_silence_when_it_was_bad_needs_the_declared_model(self, tmp_path, luck):
        people = self.people(luck, (0.5, 0.1))
        weighed = mean_of(self._found(tmp_path / "a", people, "{ heard = 0.5 }"))
        dropped = mean_of(self._found(tmp_path / "b", people, '"unknown"'))
        naive = mean_of(self._found(tmp_path / "c", people, "false"))
        assert weighed.low <= self.TRUTH <= weighed.high
        assert dropped.low > self.TRUTH + 0.2
        assert naive.high < self.TRUTH - 0.1

    def _found(self, folder, people, silent):
        store, _, _, found = rewards(folder, people, silent)
        store.close()
        return found


def _in(arm):
    return lambda one: one.arm == arm


class TestDelay:
    RATE, PEOPLE = 0.3, 6000

    def people(self, luck):
        """Two arms that are equally good; about the candidate's people speak after three days, not one."""
        found = []
        for n in range(self.PEOPLE):
            arm, slow = ("candidate", 3.0) if n % 2 else ("control", 1.0)
            says = luck.random() < self.RATE
            found.append((f"u{n}", arm, True if says else None, luck.exponential(slow) * DAY))
        return found

    def compared(self, folder, people, horizon):
        store, measure, decisions, found = rewards(folder, people, "false", horizon)
        comparisons = Comparisons(measure.name)
        for place, decision in enumerate(decisions):
            comparisons.serve(replace(decision, sequence=place + 1))
            comparisons.take(decision, found[decision.id])
        scale = Scale(width=1.0, margin=0.02, alpha=0.05, window=measure.horizon)
        candidate = Candidate(
            id="c",
            task="t",
            name="c",
            track="",
            parent="",
            snapshot="",
            at=0.0,
            body=Body(kind="text", variants={}, policy=""),
        )
        sides = Sides(list(comparisons.served()), _in("candidate"), _in("control"))
        differences = sides.differences(comparisons.earned, measure.horizon, 1e9)
        evidence = weigh(candidate, differences, scale, since=0, now=1e9, kind="split")
        late = Lateness(store, "t", measure.signals, measure.horizon)(0, 1e9)
        store.close()
        return replace(evidence, late=late)

    def test_a_horizon_too_short_for_one_arm_is_undecided_and_says_so(self, tmp_path, luck):
        evidence = self.compared(tmp_path, self.people(luck), "3d")
        assert evidence.mean == pytest.approx(-self.RATE * (math.exp(-1) - math.exp(-3)), abs=0.03)  # −.095
        naive = judge(replace(evidence, late=""), RULE)
        assert naive.finding == "rolled back"  # what would have been found of two arms that are equally good
        verdict = judge(evidence, RULE)
        assert verdict.finding == "undecided"
        assert "3 days, 0:00:00 is too short: in the candidate arm only" in verdict.reason
        assert "'good_one'" in verdict.reason

    def test_one_that_sees_more_of_one_arm_than_of_the_other_is_undecided(self, tmp_path, luck):
        verdict = judge(self.compared(tmp_path, self.people(luck), "7d"), RULE)
        assert verdict.finding == "undecided"
        assert "sees 9" in verdict.reason
        assert "in the candidate arm and 99" in verdict.reason.replace("100.0", "99")

    def test_one_that_is_long_enough_is_judged_and_is_not_biased(self, tmp_path, luck):
        evidence = self.compared(tmp_path, self.people(luck), "14d")
        assert evidence.late == ""
        assert abs(evidence.mean) < 0.03
        assert judge(evidence, RULE).finding not in ("rolled back", "promoted")

    def test_arms_that_are_alike_are_judged(self, tmp_path, luck):
        people = [
            (name, arm, said, delay / 3 if arm == "candidate" else delay)
            for name, arm, said, delay in self.people(luck)
        ]
        evidence = self.compared(tmp_path, people, "3d")
        assert evidence.late == ""
        assert abs(evidence.mean) < 0.03
