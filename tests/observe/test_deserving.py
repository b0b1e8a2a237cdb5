"""What is found about a reward in a ledger, and what exactly counts as a past experiment."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from past import HOUR, Past, spec, valued

from autotroph.observe.deserving import deserving, examine, named
from autotroph.observe.experiments import Asked, experiments
from autotroph.records import Measurement, Record, Reward

ASKED = Asked(task="t", reward="r", reward_version="v1", outcome="y", outcome_version="v1", window=HOUR)


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    made = Past(tmp_path)
    yield made
    made.store.close()


def found(past: Past, asked: Asked = ASKED):
    return experiments(past.store, asked)


def history(past: Past, slope: float, count: int = 11) -> None:
    for number in range(count):
        step = 0.1 * (number - count // 2 + 0.5)
        past.experiment(f"c{number}", (step, slope * step), arm=30)


# experiments ---------------------------------------------------------------------------------------------


def test_an_experiment_is_what_its_arms_differ_by(past):
    past.experiment("c1", (0.2, -0.1))
    (one,) = found(past)
    assert (one.release, one.effect.units) == ("c1", 120)
    assert one.effect.reward == pytest.approx(0.2, abs=0.03)
    assert one.effect.outcome == pytest.approx(-0.1, abs=0.03)


def test_what_goes_on_is_no_past(past):
    past.experiment("c1", (0.2, 0.1), ended=False)
    assert found(past) == []
    past.stage("c1", "serving", 1.0)
    assert len(found(past)) == 1


def test_only_what_people_were_shown_meanwhile_counts(past):
    past.write(past.shown("zero", "early", "control", 1.0, 1.0))
    past.experiment("c1", (0.2, 0.1), arm=20, ended=False)
    rows: list[Record] = []
    for number in range(40):
        rows += past.shown("c1", f"m{number}", "main", 9.0, 9.0)
        rows += past.shown("c1", f"h{number}", "holdback", 9.0, 9.0)
        rows += past.shown("c1", f"s{number}", "candidate", 9.0, 9.0, served=False, provenance="shadow")
        rows += past.shown("c1", f"o{number}", "candidate", 9.0, 9.0, task="other")
    past.write(rows)
    past.stage("c1", "withdrawn", 0.0)
    past.write(past.shown("zero", "late", "control", 9.0, 9.0))
    (one,) = found(past)
    assert one.effect.units == 40
    assert one.effect.reward == pytest.approx(0.2, abs=0.05)


def test_one_unit_is_one_value_in_its_window_by_its_first_arm(past):
    past.experiment("c1", (0.0, 0.0), arm=20, ended=False)
    before = past.number
    rows = past.shown("zero", "u", "control", 100.0, 100.0, at=0.0)
    rows += past.shown("zero", "u", "control", 200.0, 200.0, at=HOUR)
    rows += past.shown("zero", "u", "control", 900.0, 900.0, at=HOUR + 1)
    rows += past.shown("c1", "u", "candidate", 900.0, 900.0, at=1.0)
    past.write(rows)
    past.stage("c1", "withdrawn", 0.0)
    (one,) = found(past)
    assert past.number == before + 4
    assert one.effect.units == 41
    assert one.effect.reward == pytest.approx(0.5 - (0.5 * 20 + 150) / 21, abs=0.05)


def test_what_has_no_final_value_of_both_is_left_out(past):
    past.experiment("c1", (0.1, 0.1), arm=20, ended=False)
    rows: list[Record] = []
    for number in range(9):
        rows += past.shown("c1", f"a{number}", "candidate", 9.0, None)
        rows += past.shown("c1", f"b{number}", "candidate", None, 9.0)
        late = past.decision("c1", f"c{number}", "candidate")
        rows += [late, valued(late.id, "r", 9.0), valued(late.id, "y", 9.0, final=False)]
        other = past.decision("c1", f"d{number}", "candidate")
        rows += [other, valued(other.id, "r", 9.0, "v0"), valued(other.id, "y", 9.0)]
    past.write(rows)
    past.stage("c1", "withdrawn", 0.0)
    (one,) = found(past)
    assert one.effect.units == 40


def test_a_later_value_corrects_an_earlier_one(past):
    past.experiment("c1", (0.0, 0.0), arm=20)
    (before,) = found(past)
    served = past.store.query("SELECT id FROM decisions WHERE arm = 'candidate'").rows
    past.write([valued(str(id_), "y", 0.9) for (id_,) in served])
    (after,) = found(past)
    assert before.effect.outcome == pytest.approx(0.0, abs=0.05)
    assert after.effect.outcome == pytest.approx(0.4, abs=0.05)
    assert after.effect.units == 40


def test_steps_of_a_ramp_are_compared_within_themselves(past):
    luck = np.random.default_rng(1)
    for share, base, treated in ((0.1, 0.0, 0.1), (0.5, 1.0, 0.5)):
        past.stage("c1", "canary", share)
        rows: list[Record] = []
        for number in range(300):
            arm = "candidate" if luck.random() < treated else "control"
            rows += past.shown("x", f"{share} {number}", arm, base + luck.normal() / 50, base)
        past.write(rows)
    past.stage("c1", "withdrawn", 0.0)
    (one,) = found(past)
    assert one.effect.units == 600
    assert one.effect.reward == pytest.approx(0.0, abs=0.02)


def test_a_handful_of_units_is_no_experiment(past):
    past.experiment("c1", (0.1, 0.1), arm=9)
    assert found(past) == []


# findings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slope", "count", "finding", "interval"),
    [
        (0.5, 11, "deserves", (1.0, 1.0, 1.0)),
        (-0.5, 11, "does not", (0.0, 0.0, 0.0)),
        (0.0, 11, "does not", (0.0, 0.0, 0.0)),
        (0.5, 9, "unknown", (0.5, 0.0, 1.0)),
    ],
)
def test_the_row_says_what_was_found(past, slope, count, finding, interval):
    history(past, slope, count)
    assert examine(past.store, spec(), "t").finding == finding
    first, *beside = deserving(past.store, spec(), "t", 5.0)
    assert (first.value, first.low, first.high) == interval
    assert (first.name, first.task, first.n, first.at) == ("deserves/r/v1", "t", count, 5.0)
    assert [one.name for one in beside] == [
        f"deserves/r/v1/{what}/y" for what in ("slope", "signs", "correlation")
    ]
    assert beside[0].value == pytest.approx(slope, abs=0.1)
    past.store.append(first, *beside).durable()
    assert replace(past.store.get(Measurement, name=named("r", "v1"), task="t"), sequence=0) == first


def test_an_empty_ledger_is_unknown_and_its_rows_can_be_kept(past):
    told = deserving(past.store, spec(), "t", 5.0)
    assert (told[0].low, told[0].high, told[0].n) == (0.0, 1.0, 0)
    assert all(math.isfinite(x) for one in told for x in (one.value, one.low, one.high))
    past.store.append(*told).durable()


def test_without_an_outcome_it_is_unknown_and_says_what_to_declare(past):
    history(past, 0.5)
    told = examine(past.store, spec(""), "t")
    assert told.finding == "unknown"
    assert "add [outcomes.NAME]" in told.reasons[0]


def test_a_version_that_the_ledger_has_no_values_of_is_unknown(past):
    history(past, -0.5)
    told = examine(past.store, spec(), "t", {"r": "v2"})
    assert (told.finding, told.version) == ("unknown", "v2")


def test_one_of_two_outcomes_is_enough_unless_the_other_surely_falls(past):
    two = spec("[outcomes.y]\nvalue = 'ok'\n[outcomes.z]\nvalue = 'ok'\n")
    history(past, 0.5)
    luck = np.random.default_rng(0)
    known = past.store.query("SELECT decision, value FROM rewards WHERE name = 'r'").rows
    past.write([valued(str(id_), "z", float(luck.normal())) for id_, _ in known])
    assert examine(past.store, two, "t").finding == "deserves"
    past.write([valued(str(id_), "z", -float(value)) for id_, value in known])
    assert examine(past.store, two, "t").finding == "does not"


# audits --------------------------------------------------------------------------------------------------


def audited(past: Past, *, gamed: bool, name: str = "stars", number: int = 900, inside: bool = True) -> None:
    luck = np.random.default_rng(3)
    rows: list[Record] = []
    for place in range(number):
        good = bool(luck.random() < 0.5)
        praised = good or (gamed and place > 300 and luck.random() < 0.9)
        id_ = past.drawn(inside=inside)
        made = past.shown("x", f"a{place}", "main", float(praised), float(good), at=place * HOUR, id=id_)
        rows += [*made, past.audit(made[0].id, 5.0 if good else 1.0, name)]  # type: ignore[attr-defined]
    past.write(rows)


def test_an_alarm_ends_it_whatever_the_past_said(past):
    history(past, 0.5)
    assert examine(past.store, spec(), "t").finding == "deserves"
    audited(past, gamed=True)
    told = examine(past.store, spec(), "t")
    assert told.finding == "does not"
    assert told.reasons[0].startswith("gamed: the reward rose against 'stars'")
    assert told.audits[0].gaming.alarmed_at > 300


def test_an_audit_that_agrees_is_no_alarm(past):
    audited(past, gamed=False)
    (one,) = examine(past.store, spec(), "t").audits
    assert (one.units, one.gaming.alarmed_at) == (900, None)
    assert one.mean.mean == pytest.approx(0.5, abs=0.06)
    assert len(one.points) == 12


def test_what_the_reward_is_made_of_does_not_audit_it(past):
    audited(past, gamed=True, name="ok")
    told = examine(past.store, spec(), "t")
    assert told.audits == ()
    assert any("nobody audits" in one for one in told.warnings)


def test_what_somebody_chose_to_look_at_moves_nothing(past):
    audited(past, gamed=False)
    before = examine(past.store, spec(), "t")
    audited(past, gamed=True, inside=False)
    after = examine(past.store, spec(), "t")
    assert (before.left_out, after.left_out) == (0, 900)
    assert after.audits[0].gaming == before.audits[0].gaming
    assert after.finding == before.finding == "unknown"
    assert any("900 judgements are about decisions outside the audit sample" in one for one in after.warnings)


def test_what_somebody_chose_to_look_at_stays_among_those_that_nobody_looked_at(past):
    """Or who judges whatever was praised would take the praised out of everybody's mean."""
    rows: list[Record] = []
    for place in range(200):
        made = past.shown("x", f"u{place}", "main", place % 2, 0.0, id=past.drawn(inside=False))
        rows += [*made, past.audit(made[0].id, 1.0)] if place % 2 else made  # type: ignore[attr-defined]
    past.write(rows)
    seen = examine(past.store, spec(), "t").against[0].agreement.seen
    assert (len(seen.reward), np.mean(seen.reward)) == (200, 0.5)


def test_a_flood_of_judgements_pushes_none_of_the_sample_out(past, monkeypatch):
    monkeypatch.setattr("autotroph.observe.audited.NEWEST", 50)
    audited(past, gamed=False, number=50)
    audited(past, gamed=True, number=200, inside=False)
    (one,) = examine(past.store, spec(), "t").audits
    assert one.units == 50


def test_what_users_say_is_no_audit(past):
    made = past.shown("x", "u", "main", 1.0, 1.0, id=past.drawn())
    past.write([*made, past.audit(made[0].id, 5.0, source="user")])  # type: ignore[attr-defined]
    assert examine(past.store, spec(), "t").audits == ()


# the same answers ----------------------------------------------------------------------------------------


def test_a_reward_that_goes_with_length_is_told(past):
    luck = np.random.default_rng(4)
    rows: list[Record] = []
    for place in range(400):
        long = int(luck.integers(1, 40))
        reward = long / 40 + float(luck.normal()) / 4
        rows += past.shown("x", f"u{place}", "main", reward, float(luck.random()), output="so " * long)
    past.write(rows)
    told = examine(past.store, spec(), "t")
    (trait,) = told.against[0].agreement.traits
    assert (trait.name, trait.suspicious) == ("characters", True)
    assert any("easily gamed" in one and "characters" in one for one in told.warnings)
    assert any("does not surely agree" in one for one in told.warnings)


def test_agreement_counts_a_unit_once(past):
    rows: list[Record] = []
    for place in range(30):
        rows += past.shown("x", f"u{place % 10}", "main", place % 10 / 10, place % 10 / 10)
    past.write(rows)
    told = examine(past.store, spec(), "t").against[0].agreement
    assert told.correlation.n == 10
    assert told.correlation.mean == pytest.approx(1.0)
    assert told.area.mean == 1.0


def test_a_reward_that_is_unknown_of_a_decision_counts_as_none(past):
    made = past.shown("x", "u", "main", None, 1.0)
    past.write([*made, Reward(decision="d1", name="r", version="v1", value=None, final=True, at=0.0)])
    assert examine(past.store, spec(), "t").against[0].agreement.correlation.n == 0
