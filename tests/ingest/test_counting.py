"""Who is credited is found by searching, and it is what the rule says."""

from hypothesis import given
from hypothesis import strategies as st

from autotroph.ingest.counting import Said, Timeline

TIMES = st.integers(0, 12).map(float)
SESSIONS = st.lists(TIMES, max_size=8).map(lambda times: sorted((at, f"d{n}") for n, at in enumerate(times)))
SAID = st.lists(TIMES, max_size=8).map(
    lambda times: sorted(Said(at, f"s{n}", 12.0 * (n + 1), "", n % 3 > 0) for n, at in enumerate(times))
)


def by_the_rule(said, credit, session, end, made):
    """One signal after another, as it is written down."""
    for one in said:
        if one.at >= end:
            continue
        by_then = sum(at <= one.at for at, _ in session) or len(session)
        place = sum(other < made for other in session)
        if (
            credit == "every"
            or (credit == "first" and place == 0)
            or (credit == "last" and place == by_then - 1)
        ):
            yield one
        elif credit == "split" and place < by_then:
            yield one._replace(value=one.value / by_then)


@given(SAID, st.sampled_from(["every", "first", "last", "split"]), SESSIONS, TIMES, st.data())
def test_a_decision_gets_what_the_rule_says(said, credit, session, end, data):
    line = Timeline(said, credit, session)
    made = data.draw(st.sampled_from(session)) if session else (3.0, "elsewhere")
    assert list(line.counted(end, made)) == list(by_the_rule(said, credit, session, end, made))
    assert line.agreed == all(one.agreed for one in said)


@given(SAID.filter(bool), SESSIONS.filter(bool))
def test_what_is_split_is_given_away_whole(said, session):
    line = Timeline(said, "split", session)
    given_away = sum(one.value for made in session for one in line.counted(99.0, made))
    assert abs(given_away - sum(one.value for one in said)) < 1e-9
