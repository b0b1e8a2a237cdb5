"""What must hold in the ledger of any product, whatever it has lived through: run `ALL_INVARIANTS` on yours.

Each takes a reader and the declaration, and raises AssertionError with the rows that break it. One is named
after what would have gone wrong. They are for a ledger that one process has written, decision after decision:
where threads decide while a stage is being moved, a decision may be written right after it.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import log

from autotroph.digest.measures import measure_named
from autotroph.records import Candidate, Release, Stage, Verdict
from autotroph.spec import Spec
from autotroph.store import Reader, verify

Invariant = Callable[[Reader, Spec], None]

_MET = """
SELECT d.id, d.arm, d.release, d.task, (
  SELECT s.name FROM stages AS s WHERE s.release = d.release AND s.sequence < d.sequence
  ORDER BY s.sequence DESC LIMIT 1) AS stage
FROM decisions AS d WHERE d.served AND d.provenance = 'product'
  AND coalesce(stage, '') NOT IN ('canary', 'serving', 'replaced')"""


def nobody_meets_what_does_not_stand(reader: Reader, spec: Spec) -> None:
    """A decision by a release that is in shadow, withdrawn, or nowhere."""
    del spec
    found = reader.query(_MET).rows
    assert not found, found[:5]


def nobody_meets_what_no_gate_let_through(reader: Reader, spec: Spec) -> None:
    """A release of a candidate without a verdict that let it pass, or that somebody forced."""
    del spec
    let = {
        one.candidate
        for one in reader.scan(Verdict)
        if (one.judge, one.finding) in (("gate", "advance"), ("person", "promoted"))
    }
    found = [one.name for one in reader.scan(Release) if one.candidate and one.candidate not in let]
    assert not found, found


_HELD = """
SELECT d.id, d.release FROM decisions AS d
WHERE d.arm = 'holdback' AND d.served AND d.provenance = 'product' AND d.release <> (
  SELECT s.release FROM stages AS s WHERE s.task = d.task AND s.name = 'serving'
  ORDER BY s.sequence LIMIT 1)"""


def the_holdback_is_held_back(reader: Reader, spec: Spec) -> None:
    """Somebody of the holdback who met another release than the first."""
    del spec
    found = reader.query(_HELD).rows
    assert not found, found[:5]


_CHANCES = """
SELECT d.id, d.p_arm, sum(o.value ->> 'probability') AS whole,
       sum(CASE WHEN o.value ->> 'id' = d.option THEN o.value ->> 'probability' END) AS taken
FROM decisions AS d, json_each(d.options) AS o WHERE d.provenance = 'product'
GROUP BY d.id HAVING abs(whole - 1) > 1e-9 OR coalesce(taken, 0) <= 0 OR NOT d.p_arm BETWEEN 1e-9 AND 1"""


def every_choice_has_its_probabilities(reader: Reader, spec: Spec) -> None:
    """A vector that does not sum to 1, or an option that could not have been taken."""
    del spec
    found = reader.query(_CHANCES).rows
    assert not found, found[:5]


def one_release_serves(reader: Reader, spec: Spec) -> None:
    """Two releases that serve everybody, or none, once one did."""
    for task in spec.tasks:
        serving: set[str] = set()
        for moved in _moves(reader, task):
            for one in moved:
                (serving.add if one.name == "serving" else serving.discard)(one.release)
            assert len(serving) == 1, (task, moved[0].at, serving)


def _moves(reader: Reader, task: str) -> Iterator[list[Stage]]:
    """Stages, those that were moved by one verdict or at one moment together."""
    together: list[Stage] = []
    for one in reader.scan(Stage, task=task):
        if together and together[-1].at != one.at:
            yield together
            together = []
        together.append(one)
    if together:
        yield together


def nothing_is_promoted_twice_or_unproven(reader: Reader, spec: Spec) -> None:
    """A promotion that was counted again, that nothing proved, or that rests on rewards which may move."""
    promoted = [one for one in reader.scan(Verdict, finding="promoted") if one.judge == "ladder"]
    names = [one.candidate for one in promoted]
    assert len(names) == len(set(names)), names
    for one in promoted:
        assert one.evidence["maturity"] == "final", one
        assert all(guard["cleared"] for guard in one.evidence["guards"] if guard["required"]), one
        assert not one.evidence["mismatch"], one
        if spec.reward_of(one.task)[1].scores == "served":
            assert one.evidence["better"] >= -log(one.alpha), one


def alpha_is_spent_once(reader: Reader, spec: Spec) -> None:
    """Candidates that were granted more error together than the family has."""
    for task in spec.tasks:
        granted = {
            one.candidate: one.alpha
            for one in reader.scan(Verdict, task=task, judge="gate")
            if one.finding == "advance"
        }
        promoted = {one.candidate for one in reader.scan(Verdict, task=task, finding="promoted")}
        lost = sum(alpha for candidate, alpha in granted.items() if candidate not in promoted)
        assert lost <= spec.gate.alpha + 1e-12, (task, lost)


def no_step_is_skipped_or_hurried(reader: Reader, spec: Spec) -> None:
    """A share that was jumped over, or a stage that was shorter than its floor."""
    forced = {one.candidate for one in reader.scan(Verdict, judge="person", finding="promoted")}
    releases = {one.id: one for one in reader.scan(Release)}
    steps = (0.0, *spec.ladder.steps)
    for release in releases.values():
        if not release.candidate or release.candidate in forced:
            continue
        climbed: list[Stage] = []
        for one in reader.scan(Stage, release=release.id):
            higher = not climbed or climbed[-1].share < one.share
            if one.name in ("shadow", "canary", "serving") and higher:
                climbed.append(one)
        for before, after in pairwise(climbed):
            assert steps.index(after.share) == steps.index(before.share) + 1, (release.name, before, after)
            if before.name == "canary":
                assert after.at - before.at >= float(spec.ladder.floor) - 1e-6, (release.name, before, after)


_EARLY = """
SELECT r.decision, r.name FROM rewards AS r JOIN decisions AS d ON d.id = r.decision
WHERE r.final AND r.name = :name AND r.at < d.at + :horizon - 1e-6"""
_AGAIN = """
SELECT decision, name FROM (
  SELECT decision, name, value IS lag(value) OVER w AND clipped IS lag(clipped) OVER w
         AND lag(sequence) OVER w IS NOT NULL AS same
  FROM rewards WHERE final WINDOW w AS (PARTITION BY decision, name, version ORDER BY sequence)) WHERE same"""


def nothing_is_final_before_its_horizon_or_twice(reader: Reader, spec: Spec) -> None:
    """A value that was counted while it could still move, or stored again though nothing moved it."""
    for name, measure in spec.measures.items():
        found = reader.query(_EARLY, {"name": name, "horizon": float(measure.horizon)}).rows
        assert not found, found[:5]
    assert not reader.query(_AGAIN).rows


_EARNED = """
SELECT r.decision, r.name, r.value FROM rewards AS r JOIN completions AS c ON c.decision = r.decision
WHERE c.error <> '' AND r.name = :name AND r.version = :version AND r.value IS NOT :low"""


def no_failed_answer_earns_a_reward(reader: Reader, spec: Spec) -> None:
    """A reward of an answer that failed, that is not the low end of its range."""
    for name, declared in spec.rewards.items():
        version = measure_named(spec, name).version
        found = reader.query(_EARNED, {"name": name, "version": version, "low": declared.range[0]}).rows
        assert not found, found[:5]


_CROSSED = """
SELECT d.unit FROM decisions AS d
WHERE d.served AND d.provenance = 'product' AND d.unit_kind <> 'decision'
GROUP BY d.unit, d.task, (
  SELECT max(s.sequence) FROM stages AS s
  WHERE s.task = d.task AND s.name IN ('canary', 'serving', 'withdrawn') AND s.sequence < d.sequence)
HAVING count(DISTINCT d.arm) > 1"""


def a_unit_stays_in_its_arm(reader: Reader, spec: Spec) -> None:
    """Somebody who changed arms though no stage was moved."""
    del spec
    found = reader.query(_CROSSED).rows
    assert not found, found[:5]


def every_candidate_was_frozen_before_its_evidence(reader: Reader, spec: Spec) -> None:
    """A verdict of the ladder over decisions from before the candidate was there."""
    del spec
    made = {one.id: one.sequence for one in reader.scan(Candidate)}
    for one in reader.scan(Verdict, judge="ladder"):
        if one.evidence:
            assert one.evidence["since"] >= made[one.candidate], one


def the_chain_holds(reader: Reader, spec: Spec) -> None:
    """A row of the chain that was changed, left out or put in."""
    del spec
    verify(reader)


ALL_INVARIANTS: tuple[Invariant, ...] = (
    nobody_meets_what_does_not_stand,
    nobody_meets_what_no_gate_let_through,
    the_holdback_is_held_back,
    every_choice_has_its_probabilities,
    one_release_serves,
    nothing_is_promoted_twice_or_unproven,
    alpha_is_spent_once,
    no_step_is_skipped_or_hurried,
    nothing_is_final_before_its_horizon_or_twice,
    no_failed_answer_earns_a_reward,
    a_unit_stays_in_its_arm,
    every_candidate_was_frozen_before_its_evidence,
    the_chain_holds,
)
