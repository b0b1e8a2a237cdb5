"""Conversations are recognised by what each request brings along."""

from autotroph.ingest.conversations import AGAIN, Conversations

SYSTEM = {"role": "system", "content": "Be brief."}


def said(*texts: str) -> list[dict[str, str]]:
    return [
        SYSTEM,
        *({"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)),
    ]


def test_what_grows_is_one_conversation():
    known = Conversations("salt")
    one = known.of("", said("How do I pay?"), 0.0)
    two = known.of("", said("How do I pay?", "By card.", "Abroad too?"), 9.0)
    three = known.of("", said("How do I pay?", "By card.", "Abroad too?", "Yes.", "Good"), 19.0)
    assert one == two == three
    assert (
        known.of("", said("How do I pay?", "By card.", "In cash?"), 20.0) == one
    )  # the question put otherwise
    assert known.of("", said("How do I sleep?"), 21.0) != one


def test_two_who_are_not_known_never_share_a_conversation():
    known = Conversations("salt")
    first, second = known.of("", said("Hi"), 0.0), known.of("", said("Hi"), 1.0)
    assert first != second
    after = known.of("", said("Hi", "Hello!", "My card is lost"), 2.0)
    assert after not in (first, second)  # it could be of either
    assert known.of("", said("Hi", "Hello!", "My card is lost", "Oh.", "Help"), 3.0) == after
    assert known.of("", said("Hi", "Hello!", "My dog is lost"), 4.0) != after


def test_a_system_prompt_that_tells_the_time_begins_no_other_conversation():
    known = Conversations("salt")

    def told(time: str, *texts: str) -> list[dict[str, str]]:
        prompt = f"You help people at ACME. It is {time}.\nFound for this question:\nPage {time} of it"
        return [{"role": "system", "content": prompt}, *said(*texts)[1:]]

    first = known.of("ann", told("10:00", "How do I pay?"), 0.0)
    assert known.of("ann", told("10:01", "How do I pay?"), 60.0) == first
    later = told("10:07", "How do I pay?", "By card.", "Abroad too?")
    assert known.of("ann", later, 420.0) == first
    assert known.of("ann", said("How do I pay?"), 430.0) != first  # another prompt
    nobody = known.of("", told("10:08", "How do I pay?", "By card.", "Really?"), 480.0)
    assert known.of("", told("10:09", "How do I pay?", "By card.", "Really?"), 540.0) != nobody  # who knows


def test_who_is_known_asks_the_same_again_within_the_hour():
    known = Conversations("salt")
    first = known.of("ann", said("How do I pay?"), 0.0)
    assert known.of("ann", said("How do I pay?"), AGAIN) == first
    assert known.of("ann", said("How do I pay?"), 3 * AGAIN) != first
    assert known.of("joe", said("How do I pay?"), AGAIN) != first


def test_one_that_was_forgotten_is_recognised_by_how_it_began():
    texts = ("How do I pay?", "By card.", "Abroad too?", "Yes.", "Good", "Anything else?", "No")
    for who in ("", "ann"):
        later = Conversations("salt").of(who, said(*texts[:5]), 0.0)
        assert Conversations("salt").of(who, said(*texts), 0.0) == later
        assert Conversations("other").of(who, said(*texts), 0.0) != later


def test_so_many_are_remembered_at_most():
    known = Conversations("salt", remembered=3)
    first = known.of("ann", said("Question 0"), 0.0)
    for number in range(1, 9):
        known.of("ann", said(f"Question {number}"), float(number))
    assert len(known) == 3
    assert known.of("ann", said("Question 0"), 9.0) != first


def test_without_messages_there_is_none():
    assert Conversations("salt").of("ann", [], 0.0) == ""
    assert Conversations("salt").of("ann", [{"role": "assistant", "content": "So"}], 0.0) != ""
