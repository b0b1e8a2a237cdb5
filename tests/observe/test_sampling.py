"""Who is in the audit sample: a share, whoever answers, known to nobody from the id, and never kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from past import Past, spec

from autotroph.observe.sampling import Draw, asked, drawn, sample
from autotroph.records import Completion, Entry, Record, Terms

IDS = [f"d{number}" for number in range(20_000)]


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    made = Past(tmp_path)
    yield made
    made.store.close()


def test_it_is_its_share_and_the_same_again_and_another_where_the_seed_is_another():
    one, other = ({id_ for id_ in IDS if Draw(seed, 0.01)(id_)} for seed in ("one", "other"))
    assert 150 <= len(one) <= 250
    assert one == {id_ for id_ in IDS if Draw("one", 0.01)(id_)}
    assert len(one & other) <= 10
    assert one <= {id_ for id_ in IDS if Draw("one", 0.02)(id_)}


def answers(past: Past, number: int = 40, **more: object) -> list[str]:
    """Answered decisions of the sample; their ids."""
    rows: list[Record] = []
    for place in range(number):
        rows += past.shown("x", f"u{place}", "main", 1.0, 1.0, id=past.drawn(), output="yes", **more)
    past.write(rows)
    return [one.id for one in rows if hasattr(one, "arm")]


def test_what_waits_is_what_nobody_judged_in_the_order_of_chance(past):
    ids = answers(past, inputs={"text": "why?"})
    past.write(past.shown("x", "v", "main", 1.0, 1.0, id=past.drawn(inside=False)))
    past.write([past.audit(ids[0], 1.0), past.audit(ids[1], 1.0, source="judge")])
    past.write([past.audit(ids[2], 1.0, source="user")])
    found = sample(past.store, spec(), "t")
    assert (sorted(found.waiting), found.judged) == (sorted(ids[2:]), 2)
    assert found.waiting == tuple(sorted(ids[2:], key=Draw("past", 0.01).place))
    first = next(asked(past.store, found.waiting))
    assert (first.decision, first.inputs, first.output) == (found.waiting[0], {"text": "why?"}, "yes")


@pytest.mark.parametrize(
    "fields",
    [
        {"served": False, "shadows": "d0"},
        {"provenance": "import"},
        {"task": "other"},
        {"terms": Terms(learn=False)},
        {"terms": Terms(purposes=())},
    ],
)
def test_what_is_not_asked_for(past, fields):
    answers(past, 3, **fields)
    assert sample(past.store, spec(), "t").waiting == ()


def test_what_failed_is_nothing_to_judge(past):
    decision = past.decision("x", "u", "main", id=past.drawn())
    past.write([decision, Completion(decision=decision.id, output="", error="it broke", at=0.0)])
    assert sample(past.store, spec(), "t").waiting == ()


def test_the_view_shows_the_same(past):
    ids = answers(past)
    past.write(past.shown("x", "v", "main", 1.0, 1.0, id=past.drawn(inside=False)))
    past.write([past.audit(ids[0], 1.0), *drawn(past.store, spec(), 0.0)])
    rows = past.store.query("SELECT decision, drawn FROM audit_sample WHERE wanted ORDER BY drawn").rows
    assert tuple(id_ for id_, _ in rows) == sample(past.store, spec(), "t").waiting
    assert [place for _, place in rows] == [Draw("past", 0.01).place(str(id_)) for id_, _ in rows]
    assert past.store.query("SELECT decision FROM audit_sample WHERE judged").rows == ((ids[0],),)


def test_a_changed_share_is_journalled_once(past):
    for share in (0.01, 0.01, 0.02):
        past.write(drawn(past.store, spec(f"[gate]\naudit = {share}\n"), 0.0))
    assert [row.details["share"] for row in past.store.scan(Entry, event="audit sample")] == [0.01, 0.02]
