"""What nobody sends is found in what people did, and cycles at any moments come to the same."""

import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from autotroph.clock import ReplayClock
from autotroph.govern.custody import Custody
from autotroph.govern.redaction import Redactor
from autotroph.ingest import finders
from autotroph.ingest.happened import moments_of
from autotroph.ingest.implicit import Implicit
from autotroph.records import Completion, Decision, Entry, Reward, Signal, Terms
from autotroph.spec import parse
from autotroph.spec.moments import MOMENTS
from autotroph.store import open_store
from support_product import START, ask, opened

HOUR = 3600.0
ABANDONED = """
[signals.abandoned]
type = "boolean"
sql = "SELECT decision AS subject, coalesce(next_at >= at + 60, 1) AS value,
       min(coalesce(next_at, at + 60), at + 60) AS at FROM moments WHERE kind = 'decision'"
""".replace('"SELECT', '"""SELECT').replace("'decision'\"", '\'decision\'"""')
SEEN = """
[product]
name = "p"
[signals]
thumb = { type = "number" }
solved = { type = "boolean", about = "session" }
[signals.seconds]
type = "number"
sql = "SELECT decision AS subject, next_at - at AS value, next_at AS at FROM moments WHERE kind = 'decision'"
[signals.liked]
type = "number"
sql = '''SELECT decision AS subject, max(value) AS value, max(at) AS at
         FROM moments WHERE name = 'thumb' GROUP BY decision'''
[signals.turns]
type = "number"
about = "session"
sql = "SELECT session AS subject, count(*) AS value, max(at) AS at FROM moments GROUP BY session"
[signals.early]
type = "text"
sql = "SELECT decision AS subject, name AS value, at FROM moments WHERE next_at < at + 30 AND output <> ''"
""" + ABANDONED  # fmt: skip


def decision(id_, session, at, **more):
    made = Decision(
        id=id_, task="t", release="r", epoch=0, arm="main", p_arm=1.0, options=(), option=f"o{id_}", unit="u",
        unit_kind="user", cluster="u", fold="tracks", policy="", variant="", declaration="", at=at, user="u",
        session=session,
    )  # fmt: skip
    return replace(made, **more)


def answered(id_, session, at, **more):
    return decision(id_, session, at, **more), Completion(decision=id_, output="x" * 20, at=at)


def thumb(subject, value, at, name="thumb", about="decision", **more):
    id_ = f"{name} {subject} {value} {at}"
    return Signal(id=id_, name=name, about=about, subject=subject, value=value, at=at, **more)


class Ledger:
    """A ledger and the signals that are found in it, at a moment of one's own."""

    def __init__(self, folder, text=SEEN):
        self.spec, self.clock = parse(text), ReplayClock("seven", at=0.0)
        self.path = folder / "ledger.db"
        self.store = open_store(self.path)
        self.open()

    def open(self):
        custody = Custody(self.store, "salt", Redactor((), {}))
        self.found = Implicit(self.spec, self.store, self.clock, custody)

    def again(self):
        """As after a restart."""
        self.store.close()
        self.store = open_store(self.path)
        self.open()

    def say(self, *rows):
        self.store.append(*rows).durable()

    def take(self, now):
        self.clock.advance(now)
        return self.found.take(now)

    def values(self):
        """The newest row of each subject, without what was withdrawn."""
        newest = {(one.name, one.subject): one for one in self.store.scan(Signal, source="system")}
        return {
            place: (one.value, one.at, one.terms.learn)
            for place, one in newest.items()
            if isinstance(one.value, str) == (self.spec.signals[one.name].type == "text")
        }


@pytest.fixture
def ledger(tmp_path):
    found = Ledger(tmp_path)
    yield found
    found.store.close()


@pytest.mark.parametrize("asked", ["", " ".join(MOMENTS)])
def test_moments_have_the_columns_that_a_declaration_is_tried_on(ledger, asked):
    given = {"sessions": "[]", "implicit": "[]", "through": 0}
    found = ledger.store.query(f"{moments_of(asked)} SELECT * FROM moments", given)
    assert found.columns == tuple(MOMENTS)


@pytest.mark.parametrize("named", MOMENTS)
def test_what_is_named_is_there_and_the_same_as_with_all_the_rest(ledger, named):
    ledger.say(*answered("a", "s", 10.0, inputs={"n": 1}), *answered("b", "s", 20.0))
    ledger.say(thumb("a", "well", 30.0, name="said"), *answered("c", "s", 40.0))
    given = {"sessions": '["s"]', "implicit": "[]", "through": ledger.store.last()}
    select = f'SELECT "{named}" FROM moments'
    alone, among_all = (
        ledger.store.query(f"{moments_of(asked)} {select}", given).rows
        for asked in (select.upper(), " ".join(MOMENTS))
    )
    assert alone == among_all
    assert any(value is not None for (value,) in alone) or named == "value"


def test_a_session_is_seen_in_order_of_event_time(ledger):
    ledger.say(*answered("b", "s", 50.0), *answered("a", "s", 10.0), thumb("a", 2.0, 20.0))
    ledger.say(thumb("s", True, 70.0, name="solved", about="session"), *answered("alone", "", 5.0))
    ledger.take(1000.0)
    found = {place: value for place, (value, _, _) in ledger.values().items()}
    assert found == {
        ("seconds", "a"): 10.0, ("seconds", "b"): 20.0, ("liked", "a"): 2.0, ("turns", "s"): 4.0,
        ("early", "a"): "oa", ("early", "b"): "ob", ("abandoned", "a"): False, ("abandoned", "b"): False,
        ("abandoned", "alone"): True,
    }  # fmt: skip


def test_nothing_is_stored_twice_and_a_changed_value_is_another_row(ledger):
    ledger.say(*answered("a", "s", 10.0), thumb("a", 2.0, 20.0))
    ledger.take(1000.0)
    rows = ledger.store.last()
    ledger.take(1001.0)
    ledger.again()
    ledger.take(1002.0)
    assert ledger.store.last() == rows
    for value, at in ((5.0, 21.0), (1.0, 22.0)):
        ledger.say(thumb("a", value, at))
        ledger.take(1003.0)
    liked = [one.value for one in ledger.store.scan(Signal, name="liked")]
    assert liked == [2.0, 5.0, 5.0]
    assert len({one.key for one in ledger.store.scan(Signal, source="system")}) == ledger.store.last() - 5


def test_what_lies_ahead_waits_for_its_time_also_over_a_restart(ledger):
    ledger.say(*answered("a", "s", 10.0))
    ledger.take(20.0)
    assert ("abandoned", "a") not in ledger.values()
    ledger.again()
    ledger.take(69.0)
    assert ("abandoned", "a") not in ledger.values()
    ledger.again()
    ledger.take(70.0)
    assert ledger.values()["abandoned", "a"] == (True, 70.0, True)


def test_what_is_not_yielded_any_more_is_withdrawn(ledger):
    ledger.say(*answered("a", "s", 10.0), *answered("b", "s", 35.0))
    ledger.take(1000.0)
    assert ledger.values()["early", "a"][0] == "oa"
    ledger.say(thumb("s", True, 5.0, name="solved", about="session"), *answered("c", "other", 12.0))
    changed = SEEN.replace("next_at < at + 30", "next_at < at + 10")
    ledger.spec = parse(changed)
    ledger.open()
    ledger.take(1001.0)
    assert ("early", "a") not in ledger.values()


def test_a_declaration_that_comes_later_sees_all_of_history(tmp_path):
    ledger = Ledger(tmp_path, SEEN.split("[signals.seconds]")[0])
    ledger.say(*answered("a", "s", 10.0), *answered("b", "s", 35.0))
    assert ledger.take(100.0) == {}
    ledger.spec = parse(SEEN)
    ledger.open()
    ledger.take(101.0)
    assert ledger.values()["seconds", "a"] == (25.0, 35.0, True)
    ledger.store.close()


def test_fold_terms_and_user_are_those_of_the_decision(ledger):
    terms = Terms(region="eu", retention="short")
    made = answered("a", "s", 10.0, fold="gate", terms=terms, user="ada", verified=True)
    ledger.say(*made, thumb("a", 1.0, 20.0))
    ledger.take(1000.0)
    (row,) = ledger.store.scan(Signal, name="liked")
    assert (row.fold, row.terms, row.user, row.verified) == ("gate", terms, "ada", True)


@pytest.mark.parametrize("terms", [Terms(learn=False), Terms(purposes=("report",))])
def test_where_anything_in_the_session_may_not_be_learned_from_neither_may_what_is_found(ledger, terms):
    ledger.say(*answered("a", "s", 10.0), *answered("b", "s", 20.0, terms=terms), *answered("c", "z", 1.0))
    ledger.say(thumb("c", 1.0, 30.0))
    ledger.take(1000.0)
    found = {one.subject: one.terms.may_learn for one in ledger.store.scan(Signal, name="seconds")}
    assert found == {"a": False, "c": True}


def test_nothing_is_found_about_somebody_who_was_erased(ledger):
    ledger.say(*answered("a", "s", 10.0), *answered("b", "s", 20.0, user="ada"), *answered("c", "s", 30.0))
    custody = Custody(ledger.store, "salt", Redactor((), {}))
    custody.shut([custody.mark("user", "ada")])
    found = Implicit(ledger.spec, ledger.store, ledger.clock, custody)
    found.take(1000.0)
    assert {one.subject for one in ledger.store.scan(Signal, name="seconds")} == {"a"}


def rows_of(luck):
    """A history of three sessions, and of decisions without one."""
    rows = []
    for number in range(luck.randint(3, 12)):
        session, at = luck.choice(["s1", "s2", "s3", ""]), float(luck.randint(0, 400))
        terms = Terms(learn=luck.random() < 0.9)
        rows.append(answered(f"d{number}", session, at, terms=terms))
        rows += [
            (thumb(f"d{number}", float(luck.randint(1, 5)), at + luck.randint(-20, 200)),)
            for _ in range(luck.randint(0, 2))
        ]
        if session and luck.random() < 0.3:
            rows.append((thumb(session, True, at + 5.0, name="solved", about="session"),))
    return list({row[0].id: row for row in rows}.values())


@pytest.mark.parametrize("seed", range(25))
def test_cycles_at_random_moments_come_to_the_same_as_one_at_the_end(tmp_path, seed):
    luck = random.Random(seed)
    rows = rows_of(luck)
    folders = [tmp_path / "once", tmp_path / "often"]
    for folder in folders:
        folder.mkdir()
    once, often = map(Ledger, folders)
    once.say(*(row for group in rows for row in group))
    assert once.take(1000.0) == {}
    luck.shuffle(rows)
    now = 0.0
    for group in rows:
        often.say(*group)
        now += luck.random() * 60
        if luck.random() < 0.5:
            assert often.take(now) == {}
        if luck.random() < 0.15:
            often.again()
    assert often.take(1000.0) == {}
    assert once.values() == often.values() != {}
    for one in (once, often):
        one.store.close()


def test_many_sessions_are_looked_at_some_at_a_time(ledger, monkeypatch):
    monkeypatch.setattr(finders, "CHUNK", 3)
    ledger.say(*(row for n in range(10) for row in answered(f"d{n}", f"s{n}", float(n))))
    ledger.take(1000.0)
    assert len(list(ledger.store.scan(Signal, name="turns"))) == 10


BROKEN = """
[signals.broken]
type = "number"
sql = "SELECT decision AS subject, iif(name = 'brief', 'none', 1) AS value, at FROM moments"
"""


def test_a_sql_that_fails_is_journalled_once_and_the_cycle_goes_on(tmp_path):
    with opened(tmp_path, BROKEN + ABANDONED) as product:
        one = ask(product, "u1", session="s1")
        product.clock.advance(START + HOUR)
        for _ in range(2):
            product.cycle()
        (entry,) = product.store.scan(Entry, event="signal failed")
        assert entry.subject == "broken"
        assert "declared number" in entry.details["reason"]
        assert product.store.get(Signal, name="abandoned").subject == one


def test_a_sql_without_an_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(finders, "SECONDS", 0.2)
    endless = BROKEN.replace(
        "SELECT decision AS subject, iif(name = 'brief', 'none', 1) AS value, at FROM moments",
        "WITH RECURSIVE t(n, s, at) AS (SELECT 1, decision, at FROM moments UNION ALL"
        " SELECT n + 1, s, at FROM t) SELECT s AS subject, max(n) AS value, max(at) AS at FROM t GROUP BY s",
    )
    with opened(tmp_path, endless) as product:
        ask(product, "u1", session="s1")
        product.cycle()
        (entry,) = product.store.scan(Entry, event="signal failed")
        assert entry.details["reason"].startswith("stopped after 0.2 s")


def test_it_is_part_of_the_reward_and_moves_it_when_it_moves(tmp_path):
    left = ABANDONED + '[rewards.stayed]\nvalue = "1 - abandoned"\nhorizon = "1h"\n'
    with opened(tmp_path) as product:
        product.close()
    path = tmp_path / "autotroph.toml"
    path.write_text((path.read_text() + left).replace('reward = "useful"', 'reward = "stayed"'))
    text = path.read_text()
    with opened_as(tmp_path, text) as product:
        one = ask(product, "u1", session="s1")
        product.clock.advance(START + 2 * HOUR)
        product.cycle()
        assert [row.value for row in product.store.scan(Reward, decision=one)] == [0.0]
        product.signal(one, "accepted", True, at=START + 30)  # heard of late: nobody had left
        product.cycle()
        assert [row.value for row in product.store.scan(Reward, decision=one)] == [0.0, 1.0]


def opened_as(folder: Path, text: str):
    import autotroph

    (folder / "autotroph.toml").write_text(text, "utf-8")
    return autotroph.open(folder / "autotroph.toml", clock=ReplayClock("seven", at=START))
