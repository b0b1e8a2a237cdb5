"""Records to rows and back: nothing changes, nothing unfit gets in, and the quick way is the exact one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from autotroph.errors import InputError, UnknownName
from autotroph.records import ROWS, Artefact, Completion, Option, Reward, Signal, Terms
from autotroph.store import codec
from autotroph.store.codec import WIDE, Layout, decode, encode, layout, row_digest
from autotroph.testing.rows import completion, decision, entry, examples, signal

TEXTS = some.text(some.characters(codec="utf-8"), max_size=30)
NUMBERS = some.floats(allow_nan=False, allow_infinity=False)
NESTED = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | NUMBERS | TEXTS,
    lambda each: some.lists(each, max_size=3) | some.dictionaries(TEXTS, each, max_size=3),
    max_leaves=8,
)
TERMS = some.builds(
    Terms,
    purposes=some.lists(TEXTS, max_size=3).map(tuple),
    learn=some.booleans(),
    region=TEXTS,
    retention=TEXTS,
)
SIGNALS = some.builds(
    lambda **given: replace(signal(), **given),
    id=TEXTS,
    value=some.booleans() | NUMBERS | TEXTS,
    at=NUMBERS,
    user=TEXTS,
    verified=some.booleans(),
    key=TEXTS,
    terms=TERMS,
)
DECISIONS = some.builds(
    lambda **given: replace(decision(), **given),
    epoch=some.integers(-(2**63), 2**63 - 1),
    options=some.lists(some.builds(Option, TEXTS, NUMBERS), max_size=3).map(tuple),
    inputs=some.dictionaries(TEXTS, NESTED, max_size=3),
    provenance=some.sampled_from(["product", "shadow", "import"]),
    terms=TERMS,
)
REWARDS = some.builds(
    Reward,
    decision=TEXTS,
    name=TEXTS,
    version=TEXTS,
    value=NUMBERS | some.none(),
    final=some.booleans(),
    at=NUMBERS,
)


@given(SIGNALS | DECISIONS | REWARDS | some.sampled_from(examples()))
def test_what_went_in_comes_out(record):
    row = encode(record)
    found = decode(row.layout, (record.sequence, *row.narrow, *row.wide))
    assert found == record
    assert repr(found) == repr(record), "types too"


@given(SIGNALS | DECISIONS | REWARDS)
def test_the_quick_way_is_the_exact_one(record):
    form = layout(type(record))
    assert form.quickly(record) == codec._exactly(form, record)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (signal(value=float("nan")), "Signal.value"),
        (signal(value=float("inf")), "Signal.value"),
        (signal(at=float("nan")), "Signal.at"),
        (signal(at="noon"), "Signal.at"),
        (signal("\ud800"), "Signal.id"),
        (signal(value="\ud800"), "Signal.value"),
        (signal(7), "Signal.id"),
        (signal(verified=1), "Signal.verified"),
        (signal(terms=Terms(region="\ud800")), "Signal.terms"),
        (signal(terms=Terms(learn="no")), "Signal.terms"),  # type: ignore[arg-type]
        (decision(epoch=2**63), "Decision.epoch"),
        (decision(epoch=1.5), "Decision.epoch"),
        (decision(inputs={"a": [1, {"b": float("-inf")}]}), "Decision.inputs"),
        (decision(inputs={"a": "\ud800"}), "Decision.inputs"),
        (replace(completion(1.0), output=None), "Completion.output"),
        (replace(completion(1.0), tokens_in=-(2**63) - 1), "Completion.tokens_in"),
        (replace(examples()[-2], share=float("nan")), "Stage.share"),
        (replace(entry(), details={"x": float("inf")}), "Entry.details"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_does_not_fit_is_named(record, field):
    with pytest.raises(InputError, match=field):
        encode(record)


def test_infinities_fit_where_they_mean_something():
    found = {type(each).__name__: each for each in examples()}["Measurement"]
    row = encode(found)
    assert float("-inf") in row.narrow
    assert decode(row.layout, (0, *row.narrow)) == found


@pytest.mark.parametrize("value", [np.float64(0.5), np.float32(0.5), 1])
def test_a_number_of_another_make_is_that_number(value):
    row = encode(signal(at=value))
    assert decode(row.layout, (0, *row.narrow, *row.wide)).at == float(value)
    stage = encode(replace(examples()[-2], share=value))
    assert isinstance(stage.narrow[stage.layout.columns.index("share")], float), "or its digest would differ"


class TestTexts:
    @pytest.mark.parametrize(
        "record",
        [
            decision(inputs={}, proposals=()),
            Completion(decision="d1", output="", at=1.0),
            signal(value=True),
            signal(value=0.0),
            signal(value=""),
            entry(),
        ],
        ids=lambda each: type(each).__name__,
    )
    def test_nothing_to_say_is_no_row_apart(self, record):
        assert encode(record).wide == ()

    def test_one_of_them_is_enough(self):
        assert len(encode(decision(inputs={})).wide) == len(encode(decision(proposals=())).wide) == 2

    @pytest.mark.parametrize("kind", WIDE)
    def test_they_lie_apart_as_declared(self, kind):
        form = layout(kind)
        assert set(form.wide_columns) == set(WIDE[kind])
        assert not set(form.columns) & set(form.wide_columns)

    def test_they_cannot_be_compared(self):
        with pytest.raises(UnknownName, match="output"):
            layout(Completion).column("output")

    def test_only_the_end_of_a_field_can_lie_apart(self, monkeypatch):
        monkeypatch.setitem(codec.WIDE, Signal, ("value_type",))
        with pytest.raises(TypeError, match="last ones"):
            layout.__wrapped__(Signal)


def keyed(**fields):
    return decision(**{"key": "k", **fields})


class TestTheDigestOfABody:
    def of(self, record):
        return encode(record).body_digest

    @pytest.mark.parametrize(
        "changed",
        [
            {"id": "x", "key": "k2", "at": 9.0},
            {"release": "r9", "epoch": 9, "arm": "main", "p_arm": 1.0, "policy": "", "fold": "tracks"},
            {"options": (Option("cards", 1.0),), "option": "fraud", "proposals": ()},
            {"verified": False},
        ],
    )
    def test_what_the_product_made_of_a_decision_is_not_in_it(self, changed):
        assert self.of(keyed(**changed)) == self.of(keyed())

    @pytest.mark.parametrize(
        "changed",
        [
            {"inputs": {}},
            {"task": "other"},
            {"user": "u9"},
            {"session": ""},
            {"terms": Terms()},
            {"served": True},
        ],
    )
    def test_what_the_caller_said_is(self, changed):
        assert self.of(keyed(**changed)) != self.of(keyed())

    def test_the_order_of_keys_is_not_in_it(self):
        assert self.of(keyed(inputs={"a": 1, "b": 2})) == self.of(keyed(inputs={"b": 2, "a": 1}))

    def test_options_are_in_that_of_an_import_only(self):
        other = {"options": (Option("cards", 1.0),)}
        assert self.of(keyed(**other)) == self.of(keyed())
        assert self.of(keyed(provenance="import", **other)) != self.of(keyed(provenance="import"))

    def test_who_cannot_say_it_again_needs_none(self):
        assert self.of(decision(key="")) == ""

    def test_facts_that_nobody_said_have_none(self):
        assert self.of(completion(1.0)) == ""

    def test_what_was_said_with_a_signal_is_its_columns(self):
        assert self.of(signal(key="k")) == ""

    def test_a_link_has_that_of_its_columns(self):
        row = encode(entry())
        assert row.body_digest == row_digest(dict(zip(row.layout.all_columns, row.narrow, strict=True)))


def test_the_size_of_a_row_is_that_of_what_may_be_long():
    assert encode(signal(value=True)).size == 0
    assert encode(signal(value="x" * 5000)).size == 5000
    assert encode(decision(inputs={"text": "x" * 5000})).size > 5000
    assert encode(decision(options=tuple(Option(f"o{n}", 0.01) for n in range(100)))).size > 2000
    assert encode(Artefact(digest="d", kind="policy", body=b"x" * 5000)).size == 5000


@pytest.mark.parametrize("kind", ROWS)
def test_every_field_has_its_columns_once(kind):
    form = layout(kind)
    assert isinstance(form, Layout)
    assert [cell.field for cell in form.cells if cell.field != "sequence"]
    assert {cell.field for cell in form.cells} == {*kind.__struct_fields__} - {"sequence"}
    assert len(set(form.all_columns)) == len(form.all_columns)
