from itertools import permutations

import pytest
from msgspec.structs import replace

from autotroph.ingest.joining import Joiner
from autotroph.records import Completion, Decision, Signal, Terms

DECISION = Decision(
    id="d", task="t", release="r", epoch=0, arm="main", p_arm=1.0, options=(), option="a", unit="u",
    unit_kind="user", cluster="u", fold="tracks", policy="", variant="", declaration="", at=100.0, user="u",
    session="s",
)  # fmt: skip
COMPLETION = Completion(decision="d", output="x", at=100.0)


def signal(value, at, name="rating", about="decision", subject="d", id_=""):
    return Signal(id=id_ or f"{name} {at}", name=name, about=about, subject=subject, value=value, at=at)


LIFE = [
    ("decision", (DECISION, COMPLETION)),
    ("signal", signal(1.0, 101.0)),
    ("signal", signal(2.0, 105.0)),
    ("signal", signal(3.0, 104.0)),
    ("signal", signal(9.0, 110.0)),  # after the horizon
]


def joined(steps):
    joiner = Joiner({"t": 10.0}, frozenset({"rating", "mood"}))
    for kind, step in steps:
        if kind == "decision":
            joiner.take_decisions([step])
        else:
            joiner.take_signals([step])
    (found,) = joiner.interactions()
    return found


def test_every_order_of_a_life_gives_one_end_state():
    ends = [joined(steps) for steps in permutations(LIFE)]
    assert len(ends) == 120
    assert all(end == ends[0] for end in ends)
    assert ends[0].signals == {"rating": 2.0}


@pytest.mark.parametrize("times", [2, 3])
def test_what_comes_more_than_once_counts_once(times):
    assert joined(LIFE * times) == joined(LIFE)


def test_of_two_at_the_same_moment_one_counts_whatever_the_order():
    one, other = signal(1.0, 101.0, id_="a"), signal(2.0, 101.0, id_="b")
    ends = [
        joined([LIFE[0], ("signal", first), ("signal", second)])
        for first, second in ((one, other), (other, one))
    ]
    assert ends[0] == ends[1]


def test_the_horizon_is_of_event_time_and_ends_before_itself():
    assert joined([LIFE[0], ("signal", signal(1.0, 109.999))]).signals == {"rating": 1.0}
    assert joined([LIFE[0], ("signal", signal(1.0, 110.0))]).signals == {}


def test_the_narrower_subject_counts():
    user = ("signal", signal(1.0, 101.0, about="user", subject="u"))
    session = ("signal", signal(2.0, 102.0, about="session", subject="s"))
    decision = ("signal", signal(3.0, 100.5))
    assert joined([LIFE[0], user]).signals == {"rating": 1.0}
    assert joined([LIFE[0], session, user]).signals == {"rating": 2.0}
    assert joined([LIFE[0], decision, session, user]).signals == {"rating": 3.0}


def test_signals_that_no_reward_uses_are_not_kept():
    assert joined([LIFE[0], ("signal", signal(1.0, 101.0, name="noise"))]).signals == {}


def test_a_shadow_answer_is_about_what_it_shadows():
    shadow = replace(DECISION, id="d2", served=False, shadows="d")
    step = ("decision", (shadow, replace(COMPLETION, decision="d2")))
    assert joined([LIFE[1], step]).signals == {"rating": 1.0}


def test_one_signal_that_may_not_be_learned_from_is_enough():
    silent = replace(LIFE[1][1], terms=Terms(learn=False))
    assert joined(LIFE[:2]).may_learn
    assert not joined([LIFE[0], ("signal", silent)]).may_learn
    other = replace(DECISION, terms=Terms(purposes=("measure",)))
    assert not joined([("decision", (other, COMPLETION))]).may_learn


class TestTidying:
    def test_forgets_what_came_back_about_closed_decisions(self):
        joiner = Joiner({"t": 10.0}, frozenset({"rating"}))
        joiner.take_decisions([(DECISION, COMPLETION)])
        joiner.take_signals([signal(1.0, 101.0)])
        assert joiner.close("d").signals == {"rating": 1.0}
        joiner.tidy()
        joiner.take_decisions([(DECISION, COMPLETION)])
        assert joiner.close("d").signals == {}

    def test_keeps_what_an_open_shadow_still_needs(self):
        joiner = Joiner({"t": 10.0}, frozenset({"rating"}))
        shadow = replace(DECISION, id="d2", served=False, shadows="d")
        joiner.take_decisions([(DECISION, COMPLETION), (shadow, replace(COMPLETION, decision="d2"))])
        joiner.take_signals([signal(1.0, 101.0)])
        joiner.close("d")
        joiner.tidy()
        assert joiner.close("d2").signals == {"rating": 1.0}
        assert joiner.open == 0

    def test_keeps_what_waits_for_its_decision(self):
        joiner = Joiner({"t": 10.0}, frozenset({"rating"}))
        joiner.take_signals([signal(1.0, 101.0)])
        joiner.tidy()
        joiner.take_decisions([(DECISION, COMPLETION)])
        assert joiner.close("d").signals == {"rating": 1.0}
