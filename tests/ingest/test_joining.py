"""What counts for a decision is the same in whatever order things came, and however often one looked."""

import random
from itertools import count, permutations

import pytest
from msgspec.structs import replace

from autotroph.ingest.joining import Joiner, Use
from autotroph.records import Completion, Decision, Signal, Terms
from autotroph.spec import Duration, SignalSpec
from autotroph.store import open_store

DECISION = Decision(
    id="d", task="t", release="r", epoch=0, arm="main", p_arm=1.0, options=(), option="a", unit="u",
    unit_kind="user", cluster="u", fold="tracks", policy="", variant="", declaration="", at=100.0, user="u",
    session="s",
)  # fmt: skip
RATING = {"rating": SignalSpec(type="number")}
NUMBERS = count()


@pytest.fixture
def store(tmp_path):
    with_store = open_store(tmp_path / "ledger.db")
    yield with_store
    with_store.close()


def answered(**changed):
    decision = replace(DECISION, **changed)
    return decision, Completion(decision=decision.id, output="x", at=decision.at)


def signal(value, at, name="rating", about="decision", subject="d", **more):
    id_ = more.pop("id", f"{name} {at} {value} {next(NUMBERS)}")
    return Signal(id=id_, name=name, about=about, subject=subject, value=value, at=at, **more)


def joiner_of(store, signals=RATING, horizon=10.0):
    return Joiner(store, {"t": {"m": Use(horizon, signals)}})


def counted(store, signals=RATING, at=1e9, answers=None, rows=()):
    """What counts for each of some answers when everything is there."""
    answers = [answered()] if answers is None else answers
    store.append(*(row for pair in answers for row in pair), *rows).durable()
    joiner = joiner_of(store, signals)
    joiner.take(answers)
    return {one.interaction.decision.id: one.interaction.signals for one in joiner.due(at, store.last())}


LIFE = [
    answered(),
    (signal(1.0, 101.0),),
    (signal(2.0, 105.0),),
    (signal(3.0, 104.0),),
    (signal(9.0, 110.0),),  # after the horizon
]


def test_every_order_of_a_life_gives_one_end_state(tmp_path):
    ends = []
    for number, steps in enumerate(permutations(LIFE)):
        store = open_store(tmp_path / f"{number}.db")
        rows = [row for step in steps for row in step]
        store.append(*rows).durable()
        joiner = joiner_of(store)
        joiner.take([LIFE[0]])
        ((_, found),) = joiner.due(110.0, store.last())
        ends.append(found.signals)
        store.close()
    assert len(ends) == 120
    assert all(end == {"rating": 2.0} for end in ends)


def test_of_two_at_the_same_moment_one_counts_whatever_the_order(store):
    rows = [signal(1.0, 101.0, id="a"), signal(2.0, 101.0, id="b")]
    assert counted(store, rows=rows[::-1]) == {"d": {"rating": 2.0}}


def test_the_horizon_is_of_event_time_and_ends_before_itself(store):
    assert counted(store, rows=[signal(1.0, 109.999), signal(2.0, 110.0)]) == {"d": {"rating": 1.0}}


def test_a_clock_that_is_behind_loses_nothing(store):
    assert counted(store, rows=[signal(1.0, 100.0 - 86_400)]) == {"d": {"rating": 1.0}}


def test_nothing_is_handed_over_before_its_horizon_and_everything_once(store):
    store.append(*LIFE[0]).durable()
    joiner = joiner_of(store)
    joiner.take([LIFE[0]])
    assert list(joiner.due(109.9, 9)) == []
    assert [one.measure for one in joiner.due(110.0, 9)] == ["m"]
    assert list(joiner.due(1e9, 9)) == []
    assert (joiner.open, joiner.waiting()) == (0, [])


def test_rows_behind_the_cycle_are_left_to_the_next(store):
    store.append(*LIFE[0]).durable()
    through = store.last()
    store.append(signal(1.0, 101.0)).durable()
    joiner = joiner_of(store)
    joiner.take([LIFE[0]])
    ((_, found),) = joiner.due(200.0, through)
    assert found.signals == {}
    ((_, again),) = joiner.late(through, store.last())
    assert again.signals == {"rating": 1.0}


def test_signals_that_the_measure_does_not_name_are_not_read(store):
    assert counted(store, rows=[signal(1.0, 101.0, name="noise")]) == {"d": {}}


def test_a_shadow_answer_is_about_what_it_shadows(store):
    shadow = answered(id="d2", served=False, shadows="d")
    found = counted(store, answers=[answered(), shadow], rows=[signal(1.0, 101.0)])
    assert found == {"d": {"rating": 1.0}, "d2": {"rating": 1.0}}


def test_only_served_answers_are_opened_where_only_these_are_scored(store):
    joiner = Joiner(store, {"t": {"m": Use(10.0, RATING, served=True), "any": Use(10.0, RATING)}})
    joiner.take([answered(id="d2", served=False, shadows="d")])
    assert joiner.waiting() == [("d2", "any")]


def test_one_signal_that_may_not_be_learned_from_is_enough(store):
    store.append(
        *LIFE[0], signal(1.0, 101.0), signal(2.0, 101.5, terms=Terms(purposes=("measure",)))
    ).durable()
    joiner = joiner_of(store)
    joiner.take([LIFE[0]])
    ((_, found),) = joiner.due(200.0, store.last())
    assert not found.may_learn


@pytest.mark.parametrize(
    ("take", "type_", "values", "expected"),
    [
        ("last", "number", [1.0, 3.0, 2.0], 2.0),
        ("first", "number", [1.0, 3.0, 2.0], 1.0),
        ("mean", "number", [1.0, 3.0, 2.0], 2.0),
        ("mean", "boolean", [True, False, False, True], 0.5),
        ("any", "boolean", [False, True, False], True),
        ("any", "boolean", [False, False], False),
        ("first", "text", ["a", "b"], "a"),
        ("last", "number", ["a text", 4.0, "another"], 4.0),
        ("mean", "text", [1.0], None),
    ],
)
def test_of_several_what_is_declared_counts(store, take, type_, values, expected):
    declared = {"rating": SignalSpec(type=type_, take=take)}
    rows = [signal(value, 101.0 + place) for place, value in enumerate(values)]
    assert counted(store, declared, rows=rows)["d"].get("rating") == expected


def test_one_vote_a_user(store):
    declared = {"rating": SignalSpec(type="boolean", take="votes")}
    loud = [signal(value=True, at=101.0 + place, user="liar") for place in range(50)]
    quiet = [signal(value=False, at=101.0, user="a"), signal(value=False, at=102.0, user="b")]
    nobody = [signal(value=True, at=101.0), signal(value=False, at=102.0)]
    assert counted(store, declared, rows=[*loud, *quiet, *nobody])["d"]["rating"] == pytest.approx(1 / 4)


def test_what_counts_within_less_than_the_horizon_and_under_another_name(store):
    declared = {
        "written": SignalSpec(type="text"),
        "soon": SignalSpec(type="text", of="written", within=Duration(3.0)),
        "begun": SignalSpec(type="text", of="written", take="first"),
    }
    rows = [
        signal(text, 101.0 + place, name="written") for place, text in enumerate(["a", "ab", "abc", "abcd"])
    ]
    assert counted(store, declared, rows=rows)["d"] == {"written": "abcd", "soon": "ab", "begun": "a"}


class TestSessions:
    THREE = tuple(answered(id=f"d{place}", at=100.0 + place) for place in range(3))

    @pytest.mark.parametrize(
        ("credit", "at", "expected"),
        [
            ("every", 102.5, [1.0, 1.0, 1.0]),
            ("last", 102.5, [None, None, 1.0]),
            ("first", 102.5, [1.0, None, None]),
            ("split", 102.5, [1 / 3, 1 / 3, 1 / 3]),
            ("last", 101.5, [None, 1.0, None]),
            ("split", 101.5, [1 / 2, 1 / 2, None]),
            ("split", 50.0, [1 / 3, 1 / 3, 1 / 3]),  # a clock far behind: none was made by then
        ],
    )
    def test_are_credited_as_declared(self, store, credit, at, expected):
        declared = {"rating": SignalSpec(type="boolean", about="session", credit=credit)}
        rows = [signal(value=True, at=at, about="session", subject="s")]
        found = counted(store, declared, answers=self.THREE, rows=rows)
        assert [found[f"d{place}"].get("rating") for place in range(3)] == expected

    def test_another_task_has_no_part_in_it(self, store):
        declared = {"rating": SignalSpec(type="boolean", about="session", credit="split")}
        store.append(*answered(id="other", task="elsewhere")).durable()
        rows = [signal(value=True, at=105.0, about="session", subject="s")]
        assert counted(store, declared, rows=rows) == {"d": {"rating": 1.0}}

    def test_a_decision_that_comes_late_moves_the_others(self, store):
        declared = {"rating": SignalSpec(type="boolean", about="session", credit="last")}
        joiner = joiner_of(store, declared)
        first, second = answered(), answered(id="d2", at=101.0)
        store.append(*first, signal(value=True, at=102.0, about="session", subject="s")).durable()
        joiner.take([first])
        ((_, before),) = joiner.due(200.0, store.last())
        assert before.signals == {"rating": True}
        through = store.last()
        store.append(*second).durable()
        joiner.take([second])
        assert [
            (one.interaction.decision.id, one.interaction.signals) for one in joiner.late(through, 99)
        ] == [("d", {})]
        assert [one.interaction.signals for one in joiner.due(200.0, 99)] == [{"rating": True}]

    @pytest.mark.parametrize("decisions", [20_000, pytest.param(100_000, marks=pytest.mark.slow)])
    def test_very_many_decisions_in_one(self, store, decisions):
        """Each gets its share, exactly; what is squared in their number shows with the fewer, too."""
        declared = {"rating": SignalSpec(type="number", about="session", credit="split")}
        many = [answered(id=f"d{place:06}", at=100.0 + place * 1e-5) for place in range(decisions)]
        for start in range(0, len(many), 5000):
            store.append(*(row for pair in many[start : start + 5000] for row in pair))
        found = counted(store, declared, answers=[], rows=[signal(1.0, 102.0, about="session", subject="s")])
        joiner = joiner_of(store, declared)
        joiner.take(many[::1000])
        found = [one.interaction.signals["rating"] for one in joiner.due(1e9, store.last())]
        assert found == [1 / decisions] * (decisions // 1000)


@pytest.mark.parametrize("trials", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_whenever_one_looks_the_newest_values_are_those_of_looking_once(tmp_path, trials):
    """Signals of every kind, late and corrected, in random orders: cycles at random moments, or one."""
    declared = {
        "rating": SignalSpec(type="number"),
        "share": SignalSpec(type="boolean", about="session", credit="split"),
        "mood": SignalSpec(type="number", about="user", take="mean"),
    }
    luck = random.Random(7)
    for trial in range(trials):
        answers = [
            answered(id=f"d{n}", at=100.0 + luck.random() * 30, session=f"s{n % 3}", user=f"u{n % 2}")
            for n in range(8)
        ]
        signals = [_any_signal(luck) for _ in range(25)]
        rows = [("answer", one) for one in answers] + [("signal", one) for one in signals]
        luck.shuffle(rows)
        with_cycles = _lived(tmp_path / f"{trial}a.db", declared, rows, luck, cycles=6)
        luck.shuffle(rows)
        at_once = _lived(tmp_path / f"{trial}b.db", declared, rows, luck, cycles=0)
        assert with_cycles == at_once


def _any_signal(luck):
    at = 90.0 + luck.random() * 60
    return luck.choice(
        [
            lambda: signal(luck.random(), at, subject=f"d{luck.randrange(8)}"),
            lambda: signal(
                value=luck.random() < 0.5,
                at=at,
                name="share",
                about="session",
                subject=f"s{luck.randrange(3)}",
            ),
            lambda: signal(luck.random(), at, name="mood", about="user", subject=f"u{luck.randrange(2)}"),
        ]
    )()


def _lived(path, declared, rows, luck, cycles):
    """The newest values after all rows came, with cycles in between, at moments that only grow."""
    store = open_store(path)
    joiner = joiner_of(store, declared)
    values, since, now = {}, 0, 100.0
    looks = sorted(luck.sample(range(len(rows)), cycles))
    fresh = []
    for place, (kind, row) in enumerate([*rows, ("end", None)]):
        if place in looks or kind == "end":
            now = 1e6 if kind == "end" else now + luck.random() * 20
            through = store.last()
            joiner.take(fresh)
            for one in [*joiner.late(since, through), *joiner.due(now, through)]:
                values[one.interaction.decision.id] = one.interaction.signals
            since, fresh = through, []
        if kind == "answer":
            store.append(*row).durable()
            fresh.append(row)
        elif kind == "signal":
            store.append(row).durable()
    store.close()
    return values
