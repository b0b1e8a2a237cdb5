"""What people ask in SQL: each view answers what its comment says, texts apart or not."""

from contextlib import closing

import pytest

from autotroph.records import Completion, Entry, Option, Reward, Terms
from autotroph.store import open_store
from autotroph.testing.rows import decision, examples, signal

SERVED = {"shadows": "", "served": True, "provenance": "product"}


@pytest.fixture
def store(tmp_path):
    with closing(open_store(tmp_path / "ledger.db")) as store:
        yield store


def test_answers_has_the_output_an_empty_one_and_none(store):
    store.append(
        *(decision(f"d{n}", **SERVED) for n in range(3)),
        Completion(decision="d0", output="naïve", at=1.0),
        Completion(decision="d1", output="", at=1.0),
    ).durable()
    found = store.query("SELECT output, chars, verified FROM answers ORDER BY sequence").rows
    assert found == (("naïve", 5, 1), ("", 0, 1), (None, None, 1))


def test_answers_knows_no_probability_of_an_import_without(store):
    store.append(
        decision("d0", provenance="import", options=()),
        decision("d1", provenance="import", options=(Option("cards", 0.25),)),
    ).durable()
    assert store.query("SELECT probability FROM answers ORDER BY sequence").rows == ((None,), (0.25,))


def test_answers_has_the_newest_final_reward(store):
    rewards = [
        Reward(decision="d0", name="kept", version=f"v{n}", value=float(n), final=n < 3, at=1.0)
        for n in range(4)
    ]
    store.append(decision("d0", **SERVED), *rewards).durable()
    assert store.query("SELECT reward, reward_version FROM answers").rows == ((2.0, "v2"),)


def test_a_reward_of_another_version_than_the_history_is_valued_by_is_no_reward(store):
    rewards = [
        Reward(decision=f"d{n}", name="kept", version=f"v{n}", value=float(n), final=True, at=1.0)
        for n in range(3)
    ]
    store.append(*(decision(f"d{n}", **SERVED) for n in range(3)), *rewards).durable()
    task = decision("d0", **SERVED).task
    for version, found in (("v1", (None, 1.0, None)), ("v2", (None, None, 2.0))):
        kinds = {version: {"kind": "reward"}, "slow1": {"kind": "guardrail"}}
        details = {"tasks": {task: {"kept": version, "slow": "slow1"}}, "measures": kinds}
        store.append(Entry(actor="owner", event="measures", subject="p", details=details, at=1.0)).durable()
        assert store.query("SELECT reward FROM answers ORDER BY sequence").rows == tuple(
            (value,) for value in found
        )


def test_signals_have_their_value_and_whose_they_are(store):
    store.append(
        *(signal(f"s{n}", value=value) for n, value in enumerate([True, False, -0.5, "long", ""])),
        signal("s9", about="session"),
    ).durable()
    found = store.query("SELECT value, user, verified, task FROM signals_by_decision ORDER BY sequence").rows
    assert found == tuple((value, "u2", 1, None) for value in (1.0, 0.0, -0.5, "long", ""))


def test_kept_counts_what_stands_at_the_beginning(store):
    written = {"d0": "hello world", "d1": "other", "d2": "", "d3": "anything"}
    output = {"d0": "hello", "d1": "hello", "d2": "hello", "d3": ""}
    store.append(
        *(decision(id_, **SERVED) for id_ in written),
        *(Completion(decision=id_, output=text, at=1.0) for id_, text in output.items()),
        *(signal(f"s{id_}", subject=id_, value=text) for id_, text in written.items()),
    ).durable()
    found = store.query(
        "SELECT decision, shown, accepted, kept, remaining, written FROM kept ORDER BY asked"
    ).rows
    assert found == (
        ("d0", 1, 1, 5, 11, "hello world"),
        ("d1", 1, 0, 0, 5, "other"),
        ("d2", 1, 0, 0, 0, ""),
        ("d3", 0, 0, 0, 8, "anything"),
    )


@pytest.mark.parametrize(
    "terms",
    [
        Terms(),
        Terms(learn=False),
        Terms(purposes=()),
        Terms(purposes=("report",)),
        Terms(purposes=("report", "improve"), region="eu", retention="short"),
    ],
)
def test_agreed_says_what_may_be_done(terms, store):
    store.append(decision("d0", terms=terms)).durable()
    (found,) = store.query("SELECT * FROM agreed").dicts()
    assert found["may_learn"] == int(terms.may_learn)
    assert (found["user"], found["verified"]) == ("u1", 1)
    assert (found["learn"], found["region"], found["retention"]) == (
        int(terms.learn),
        terms.region,
        terms.retention,
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM answers WHERE decision = 'd1'",
        "SELECT * FROM answers WHERE task = 'route' AND served = 1",
        "SELECT * FROM signals_by_decision WHERE decision = 'd1'",
        "SELECT * FROM kept WHERE decision = 'd1'",
        "SELECT * FROM agreed WHERE decision = 'd1'",
    ],
)
def test_what_is_joined_is_found_by_an_index(sql, store):
    store.append(*examples()).durable()
    plan = [row[3] for row in store.query(f"EXPLAIN QUERY PLAN {sql}").rows]
    scanned = [step for step in plan if step.startswith("SCAN") and "VIRTUAL TABLE" not in step]
    assert set(scanned) <= {"SCAN v LEFT-JOIN"}, plan  # of which there is one row a task


def test_a_text_that_nobody_asks_for_is_not_read(store):
    plan = str(store.query("EXPLAIN QUERY PLAN SELECT task, tokens_in FROM answers").rows)
    assert "completions" in plan or "SEARCH f" in plan
    assert "SEARCH t " not in plan
