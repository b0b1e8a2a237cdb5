"""A measure that is declared otherwise: no cycle until it is applied, and then all is as if it always was."""

import subprocess
import sys
from pathlib import Path

import pytest

import typing_product
from autotroph.clock import draw
from autotroph.errors import InputError, SpecError
from autotroph.ingest.arrivals import DecisionIn
from autotroph.plan.applied import rebuilt, standing
from autotroph.plan.explaining import explained
from autotroph.plan.steps import Plan, planned
from autotroph.records import Decision, Entry, Reward, Stage, Verdict
from autotroph.store.segments import sync
from autotroph.testing.invariants import no_failed_answer_earns_a_reward
from support_product import TOML, ask, opened, pass_time

HOUR = 3600.0
GUARDED = (
    TOML.replace('reward = "useful"', 'reward = "useful"\nguardrails = ["angry"]')
    + """
[guardrails.angry]
margin = 0.1
value = "1 - accepted"
silent = { accepted = true }
horizon = "2h"
[outcomes.kept]
value = "resolved"
horizon = "1d"
"""
)
CHANGED = (
    GUARDED.replace('value = "accepted"', 'value = "coalesce(resolved, 0.25) * (0.5 + 0.5 * accepted)"')
    .replace('horizon = "1h"', 'horizon = "3h"\nsilent = { accepted = false }')
    .replace('value = "1 - accepted"', 'value = "2 - accepted"')
)


@pytest.fixture
def declare(monkeypatch):
    return lambda text: monkeypatch.setattr("support_product.TOML", text)


def live(product, users=range(12), rounds=3):
    """People ask, some say what they think, some late; every hour and a half a cycle."""
    asked = []
    for turn in range(rounds):
        at = product.clock.now()
        for user in users:
            luck = draw("plan", str(turn), str(user))
            one = ask(product, f"u{user}", session=f"s{user // 2}", key=f"{turn}/{user}")
            asked.append((one, user, at))
            if luck < 0.7:
                product.signal(one, "accepted", luck < 0.4, at=at + 60, key=f"a{turn}/{user}")
            if luck > 0.5:
                product.signal(f"s{user // 2}", "resolved", luck > 0.8, at=at + 90, key=f"r{turn}/{user}")
        product.clock.advance(at + 1.5 * HOUR)
        try_cycle(product)
        product.take([broken(turn, at)])
        late = asked[len(asked) // 2][0]
        product.signal(late, "accepted", True, at=at + 120, key=f"l{turn}")
    try_cycle(product)


def broken(turn, at):
    """An answer that failed, and that somebody liked all the same."""
    said = {"accepted": True}
    return DecisionIn(task="reply", id=f"f{turn}", output="yes", error="503", user="u0", at=at, signals=said)


def try_cycle(product):
    product.cycle()


def newest(product):
    """The newest final value of every measure that is declared now."""
    versions = {one.version for each in product.rooms.measures.values() for one in each.values()}
    rows = product.store.query(
        "SELECT decision, name, version, value, clipped FROM measures_by_decision"
    ).rows
    return sorted(row for row in rows if row[2] in versions)


def known(product):
    """What the rooms know of the history."""
    desk, digestion = product.rooms.desks["reply"], product.rooms.digestions["reply"]
    main = desk.standing.main.release
    release, variants = main.id, main.body.variants_digest
    compared = {one.id: desk.comparisons.value(release, one.id) for one in desk.comparisons.served()}
    fold = {one.decision.id: one.signals for one in digestion.fold}
    return digestion.dataset(variants, 0), fold, compared, product.rooms.joiner.waiting()


def folder_in(base, name):
    found = base / name
    found.mkdir(exist_ok=True)
    return found


@pytest.fixture
def changed(tmp_path, declare):
    """A folder whose history was valued otherwise than it is declared now."""
    declare(GUARDED)
    with opened(folder_in(tmp_path, "changed")) as product:
        live(product)
    declare(CHANGED)
    return tmp_path / "changed"


def versions_shown(product):
    rows = product.store.query("SELECT DISTINCT reward_version FROM answers WHERE reward_version <> ''").rows
    return [version for (version,) in rows]


def reopened(folder):
    product = opened(folder)
    product.clock.advance(product.rooms.last.at)
    return product


def test_a_changed_measure_stops_cycles_and_nothing_else(changed):
    with reopened(changed) as product:
        before = product.store.get(Reward).sequence
        with pytest.raises(SpecError, match=r"useful \(reward\), angry \(guardrail\) are declared otherwise"):
            product.cycle()
        with pytest.raises(SpecError, match="`autotroph plan` shows what that would do"):
            product.cycle()
        one = ask(product, "u99")
        product.signal(one, "accepted", True).durable()
        assert product.store.get(Reward).sequence == before


def test_after_applying_all_is_as_if_it_had_always_been_declared_so(changed, tmp_path):
    with opened(folder_in(tmp_path, "always")) as always:
        live(always)
        with reopened(changed) as product:
            done = product.apply()
            assert {(one.name, one.was) for one in done.revalued} == {
                ("useful", "useful"),
                ("angry", "angry"),
            }
            assert newest(product) == newest(always)
            always.rooms = always._rooms()
            assert known(product) == known(always)
            for each in (product, always):
                pass_time(each, 3 * HOUR)
            assert newest(product) == newest(always)
            assert known(product) == known(always)
            assert known(product)[0].examples


def test_old_versions_can_still_be_asked_for_and_rebuilt(changed):
    with reopened(changed) as product:
        old = standing(product.store, product.spec).applied
        version, kept = old.named("reply")["useful"]
        assert rebuilt(kept).version == version
        was = product.store.query(
            "SELECT decision, value FROM measures_by_decision WHERE version = ? ORDER BY decision", (version,)
        ).rows
        product.apply()
        assert (
            was
            == product.store.query(
                "SELECT decision, value FROM measures_by_decision WHERE version = ? ORDER BY decision",
                (version,),
            ).rows
        )
        assert was
        pass_time(product, 3 * HOUR)
        assert versions_shown(product) == [product.rooms.measures["reply"]["useful"].version]


def test_no_answer_shows_a_reward_of_before_once_another_is_applied(changed):
    with reopened(changed) as product:
        before = len(rewards_shown(product))
        product.apply()
        final = len(list(product.store.scan(Reward, version=measure(product, "useful").version)))
        assert 0 < len(rewards_shown(product)) == final < before  # the horizon is longer now
        assert set(rewards_shown(product)) == {measure(product, "useful").version}


def rewards_shown(product):
    return [one for (one,) in product.store.query("SELECT reward_version FROM answers").rows if one]


def test_going_back_makes_the_old_version_the_newest_again(changed, declare):
    with reopened(changed) as product:
        product.apply()
    declare(GUARDED)
    with reopened(changed) as product:
        assert [one.name for one in product.plan().revalued] == ["useful", "angry"]
        product.apply()
        pass_time(product, 3 * HOUR)
        assert versions_shown(product) == [product.rooms.measures["reply"]["useful"].version]
        product.cycle()


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
import support_product, test_plan
from pathlib import Path
from autotroph.plan import running

running.CHUNK = 5
support_product.TOML = test_plan.CHANGED

def watch(done, of):
    watch.calls += 1
    if watch.calls == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

watch.calls = 0
test_plan.reopened(Path(sys.argv[1])).apply(watch)
"""


def killed(folder, call):
    """Applies in a process of its own, which is killed after so many appends."""
    command = [sys.executable, "-c", KILLED, str(folder), str(Path(__file__).parent), str(call)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr


def test_a_kill_in_the_middle_leaves_it_refusing_until_the_rest_is_done(changed, tmp_path):
    killed(changed, 2)
    with reopened(changed) as product:
        version = product.rooms.measures["reply"]["angry"].version
        half = len(list(product.store.scan(Reward, version=version)))
        assert half > 0
        assert [step.again for step in product.plan().steps] == [True, True]
        with pytest.raises(SpecError, match="declared otherwise"):
            product.cycle()
    killed(changed, 1)
    with opened(folder_in(tmp_path, "always")) as always, reopened(changed) as product:
        live(always)
        product.apply()
        rows = [row.decision for row in product.store.scan(Reward, version=version)]
        assert len(rows) == len(set(rows)) > half
        assert len(list(product.store.scan(Entry, event="applying"))) == 1
        assert newest(product) == newest(always)
        product.cycle()


def test_taking_the_change_back_in_the_middle_is_a_change_too(changed, declare):
    killed(changed, 2)
    declare(GUARDED)
    with reopened(changed) as product:
        with pytest.raises(SpecError, match="declared otherwise"):
            product.cycle()
        product.apply()
        product.cycle()
        pass_time(product, 3 * HOUR)
        assert versions_shown(product) == [product.rooms.measures["reply"]["useful"].version]


@pytest.mark.parametrize(
    ("more", "waits"),
    [
        ('[outcomes.pleased]\nvalue = "accepted"\nhorizon = "1h"\n', ["pleased"]),
        ('[outcomes.pleased]\nvalue = "accepted"\nhorizon = "90d"\n', []),  # no history is so old
        ('[guardrails.unused]\nvalue = "accepted"\n', []),
    ],
)
def test_a_new_measure_waits_only_where_there_is_a_history_for_it(changed, declare, more, waits):
    declare(GUARDED + more)
    with reopened(changed) as product:
        assert [one.name for one in product.plan().revalued] == waits
        if waits:
            product.apply()
        product.cycle()
        assert product.plan().revalued == ()
    declare(GUARDED)
    with reopened(changed) as product:  # and that it is gone needs nothing
        product.cycle()


def test_another_reward_takes_the_place_of_the_old_one(changed, declare):
    more = '\n[rewards.other]\nvalue = "1 - accepted"\nhorizon = "1h"\n'
    declare(GUARDED.replace('reward = "useful"', 'reward = "other"') + more)
    with reopened(changed) as product:
        (one,) = product.plan().revalued
        assert (one.name, one.was) == ("other", "useful")
        product.apply()
        product.cycle()


def test_what_is_explained_is_what_is_run(changed, declare):
    declare(CHANGED + '[outcomes.pleased]\nvalue = "accepted"\nhorizon = "1h"\n')
    with reopened(changed) as product:
        plan = product.plan()
        effects = explained(plan, product.store, product.spec, sync(next(changed.rglob("ledger.db"))))
        product.apply()
        assert [one.change.name for one in effects] == ["useful", "angry", "pleased"]
        for one in effects:
            assert (
                sum(each.after for each in one.moved.bins) == one.moved.after.final - one.moved.after.unknown
            )
            for count, version in (
                (one.moved.before, one.change.before),
                (one.moved.after, one.change.version),
            ):
                ((final, known, mean),) = product.store.query(VALUES, (version,)).rows
                assert (count.final, count.final - count.unknown) == (final, known)
                assert count.mean == pytest.approx(mean, abs=1e-12)
        no_failed_answer_earns_a_reward(product.store, product.spec)
        assert [row[3] for row in newest(product) if row[:2] == ("f0", "useful")] == [0.0]


def test_of_a_value_that_moved_the_newest_is_what_was_before(changed, declare):
    declare(GUARDED)
    with reopened(changed) as product:
        found = "SELECT decision FROM measures_by_decision WHERE name = 'useful' AND value = 0"
        first, second = product.store.query(found).rows[:2]
        for (one,) in (first, second):
            product.signal(one, "accepted", True, at=product.store.get(Decision, id=one).at + 600, key=one)
        product.cycle()
        ((_, _, mean),) = product.store.query(VALUES, (measure(product, "useful").version,)).rows
    declare(CHANGED)
    with reopened(changed) as product:
        segments = sync(next(changed.rglob("ledger.db")))
        (useful, _) = explained(product.plan(), product.store, product.spec, segments)
        assert useful.moved.before.mean == pytest.approx(mean, abs=1e-12)


def measure(product, name):
    return product.rooms.measures["reply"][name]


VALUES = "SELECT count(*), count(value), avg(value) FROM measures_by_decision WHERE version = ?"


def test_a_plan_is_made_with_a_reader_alone(changed):
    with reopened(changed) as product:
        reader = product.store.reader()
        try:
            found = planned(reader, product.spec)
        finally:
            reader.close()
        assert isinstance(found, Plan)
        assert found == product.plan()


# verdicts ------------------------------------------------------------------------------------------------


@pytest.fixture
def promoted(tmp_path):
    """A product in which a better candidate was promoted, by evidence on the same decisions."""
    with typing_product.opened(tmp_path) as product:
        typing_product.rounds(product, 2)
        product.propose("finish", "fine", policy=typing_product.by("fine"))
        typing_product.rounds(product, 6)
        assert typing_product.serving(product) == "fine"
    return tmp_path


def weighed_again(folder, toml):
    """The verdicts of the past, by another declaration."""
    with typing_product.opened(folder, toml) as product:
        found = explained(product.plan(), product.store, product.spec, sync(next(folder.rglob("ledger.db"))))
        return found[0], [row for row in product.store.scan(Verdict) if row.evidence.get("kind")]


def test_verdicts_that_would_be_others_are_found(promoted):
    turned = typing_product.TOML.replace('"kept(written) / 4"', '"1 - kept(written) / 4"')
    effect, _ = weighed_again(promoted, turned)
    by = {one.finding: one for one in effect.verdicts if one.judge == "ladder"}
    assert by["promoted"].answer == "other"
    assert by["promoted"].again_mean == pytest.approx(-by["promoted"].mean)
    assert {one.answer for one in effect.verdicts if one.judge == "gate"} == {"cannot be told"}
    assert effect.signs is not None
    assert effect.signs.turned > 0.1 * effect.signs.units
    assert "fine" in effect.ranks[0].moved


def test_a_change_that_changes_no_value_finds_every_verdict_again(promoted):
    same = typing_product.TOML.replace('"kept(written) / 4"', '"0.25 * kept(written)"')
    effect, verdicts = weighed_again(promoted, same)
    again = [one for one in effect.verdicts if one.judge == "ladder"]
    assert len(again) > 1
    known = {(row.at, row.finding): row.evidence["mean"] for row in verdicts}
    for one in again:
        assert (one.answer, one.again_mean) == ("same", pytest.approx(known[one.at, one.finding]))
    assert (effect.moved.other, effect.signs.turned, effect.ranks[0].moved) == (0, 0, ())


def test_where_nobody_saw_there_is_nothing_to_weigh_any_more(promoted):
    served = typing_product.TOML.replace('horizon = "1m"\nscores = "any"', 'horizon = "1m"')
    effect, _ = weighed_again(promoted, served)
    assert {one.answer for one in effect.verdicts} == {"cannot be told"}
    assert effect.signs is None


# candidates ----------------------------------------------------------------------------------------------


def test_candidates_are_refused_with_the_reason_and_the_loop_goes_on(tmp_path):
    with typing_product.opened(tmp_path) as product:
        typing_product.rounds(product, 2)
        product.propose("finish", "fine", policy=typing_product.by("fine"))
        while (product.store.get(Stage) or Stage).name != "canary":
            typing_product.rounds(product, 1)
    turned = typing_product.TOML.replace('"kept(written) / 4"', '"1 - kept(written) / 4"')
    with typing_product.opened(tmp_path, turned) as product:
        assert [(one.name, one.stage) for one in product.plan().dismissed] == [("fine", "canary")]
        with pytest.raises(InputError, match="people meet 'fine'"):
            product.apply()
        assert product.store.get(Entry, event="applying") is None
        product.apply(candidates=True)
        verdict = product.store.get(Verdict)
        assert (verdict.finding, product.store.get(Stage).name) == ("refused", "withdrawn")
        assert "kept (reward) is declared otherwise" in verdict.reason
        typing_product.rounds(product, 1)
        assert typing_product.serving(product) == "release 0"
