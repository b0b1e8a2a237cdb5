"""A measure that is declared otherwise: no cycle until it is applied, and then all is as if it always was."""

import pytest

from autotroph.clock import draw
from autotroph.errors import SpecError
from autotroph.plan.applied import rebuilt, standing
from autotroph.records import Reward
from support_product import TOML, ask, opened, pass_time

HOUR = 3600.0
GUARDED = (
    TOML.replace('reward = "useful"', 'reward = "useful"\nguardrails = ["angry"]')
    + """
[guardrails.angry]
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
        late = asked[len(asked) // 2][0]
        product.signal(late, "accepted", True, at=at + 120, key=f"l{turn}")
    try_cycle(product)


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
        shown = product.store.query(
            "SELECT DISTINCT reward_version FROM answers WHERE reward_version <> ''"
        ).rows
        assert shown == ((product.rooms.measures["reply"]["useful"].version,),)


def test_going_back_makes_the_old_version_the_newest_again(changed, declare):
    with reopened(changed) as product:
        product.apply()
    declare(GUARDED)
    with reopened(changed) as product:
        assert [one.name for one in product.plan().revalued] == ["useful", "angry"]
        product.apply()
        pass_time(product, 3 * HOUR)
        shown = product.store.query(
            "SELECT DISTINCT reward_version FROM answers WHERE reward_version <> ''"
        ).rows
        assert shown == ((product.rooms.measures["reply"]["useful"].version,),)
        product.cycle()
