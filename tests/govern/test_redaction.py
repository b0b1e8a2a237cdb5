"""Blacking out: what was planted is gone, what was not stays as it is, and no text holds it up."""

import json
import sys
import threading
import time
from typing import Any

import planted
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from autotroph.govern import redaction
from autotroph.govern.redaction import KINDS, Redactor

FINDINGS = {
    "card": planted.CARDS,
    "iban": planted.IBANS,
    "email": planted.EMAILS,
    "phone": planted.PHONES,
    "key": planted.KEYS,
}
NONE = {
    "card": planted.NO_CARDS,
    "iban": planted.NO_IBANS,
    "email": planted.NO_EMAILS,
    "phone": planted.NO_PHONES,
    "key": planted.NO_KEYS,
}
ALL = [(kind, finding) for kind, findings in FINDINGS.items() for finding in findings]
AROUND = [
    ("", ""),
    ("it is ", " today"),
    ("(", ")"),
    ('"', '"'),
    ("a\n", "\nb"),
    ("to: ", "."),
    ("– ", " – "),
]
AROUND += [("<", ">"), ("\t", ";"), ("😀 ", " 😀"), ("**", "**"), ("is it ", "?"), ("x = '", "', y")]

everything = Redactor(KINDS)


@pytest.mark.parametrize(("kind", "finding"), ALL)
def test_findings_are_replaced_by_their_kind(kind: str, finding: str) -> None:
    redactor = Redactor([kind])
    for before, after in AROUND:
        clean = redactor.text(f"{before}{finding}{after}")
        assert clean == f"{before}[{kind}]{after}"
    assert redactor.found == {kind: len(AROUND)}


@pytest.mark.parametrize(("before", "number"), planted.ANNOUNCED)
def test_a_word_announces_a_telephone_number(before: str, number: str) -> None:
    redactor = Redactor(["phone"])
    assert redactor.text(f"see {before}{number}, or so") == f"see {before}[phone], or so"


def test_digits_that_nothing_announces_stay() -> None:
    for text in ("see 5550123", "see 30901820", "see 2125550123", "see 612 345 678"):
        assert Redactor(["phone"]).text(text) is text


@pytest.mark.parametrize("finding", planted.BEARERS)
def test_bearers_are_left_their_word(finding: str) -> None:
    word = finding[: len("bearer")]
    clean = Redactor(["key"]).text(f"curl -H 'Authorization: {finding}' x")
    assert clean.startswith(f"curl -H 'Authorization: {word}")
    assert clean.endswith("[key]' x")
    assert finding[-20:] not in clean


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in NONE.items() for text in texts])
def test_what_only_looks_like_it_stays(kind: str, text: str) -> None:
    redactor = Redactor([kind])
    for before, after in (("", ""), ("it is ", " today"), ("(", ")"), ("a\n", "\nb")):
        whole = f"{before}{text}{after}"
        assert redactor.text(whole) is whole
    assert not redactor.found


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("card 4111 1111 1111 1111 12 25 123", "card [card] 12 25 123"),
        ("4111111111111111,12/25,123", "[card],12/25,123"),
        ("12 4111111111111111 7", "12 [card] 7"),
        ("4111 1111 1111 1111 5555 5555 5555 4444", "[card] [card]"),
        (f"{planted.CARDS[6]} {planted.CARDS[0]} {planted.CARDS[6]}", "[card] [card] [card]"),
        ("write to a@b.example.", "write to [email]."),
        ("<a@b.example>,c@d.example", "<[email]>,[email]"),
        ("请发邮件到foo@shop.example谢谢", "请发邮件到[email]谢谢"),
        ("https://x.example/?to=a@b.example&x=1", "https://x.example/?to=[email]&x=1"),
        ("030 901820 und 0171-1234567", "[phone] und [phone]"),
        ("0171 1234567 0172 7654321", "[phone] [phone]"),
        ("030 901820 030 901821", "[phone] [phone]"),
        ("2024-03-12 0171 1234567", "2024-03-12 [phone]"),
        ("12.03.2024 10:00:00 0171 1234567", "12.03.2024 10:00:00 [phone]"),
        ("+49 30 901820 15:30", "[phone] 15:30"),
        ("DE89 3704 0044 0532 0130 00 from 4111 1111 1111 1111", "[iban] from [card]"),
        ("user anna@shop.example, pw x, Bearer " + planted.KEYS[0], "user [email], pw x, Bearer [key]"),
        (f"{planted.KEYS[3]}{planted.KEYS[3][3:]}@shop.example", "[key][email]"),
        ("[card] [email] [phone] [iban] [key]", "[card] [email] [phone] [iban] [key]"),
    ],
)
def test_findings_in_their_surroundings(text: str, clean: str) -> None:
    assert everything.text(text) == clean


# properties ----------------------------------------------------------------------------------------------

words = st.text(st.sampled_from("aäß語م😀 .,;:!?()[]{}<>'\"\n\t|*–…"), max_size=30)
numbers = st.sampled_from(["7", "12", "2024-01-02", "19.99 €", "10.0.0.1", "3,5", "v1.2.3", "12:30"])
fillers = st.lists(st.one_of(words, numbers), max_size=4).map(" ".join)
findings = st.sampled_from(ALL)


@given(st.lists(st.tuples(fillers, findings), min_size=1, max_size=4), fillers)
def test_everything_planted_is_gone(parts: list[tuple[str, tuple[str, str]]], last: str) -> None:
    text = "".join(f"{filler} ; {finding} ; " for filler, (_, finding) in parts) + last
    clean = everything.text(text)
    for _, (_, finding) in parts:
        assert finding not in clean
        assert clean.count("[") >= len(parts)


@given(st.text(st.sampled_from("0123456789 -.()+/@abeykJ:[]DGsR_\n\u00a0٤"), max_size=120))
@example("12 4111 1111 1111 1111 4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2")
@example("0171 1234567 4111111111111111 030 901820")
def test_redacting_twice_changes_nothing(text: str) -> None:
    clean = everything.text(text)
    assert everything.text(clean) is clean


@given(st.lists(st.one_of(findings.map(lambda one: one[1]), words, numbers)))
def test_redacting_twice_changes_nothing_where_much_is_found(parts: list[str]) -> None:
    clean = everything.text(" ".join(parts))
    assert everything.text(clean) is clean


@given(st.text(max_size=300))
def test_a_text_without_digits_at_signs_and_keys_stays_itself(text: str) -> None:
    assume(not any(sign.isdecimal() or sign in "@＠" for sign in text))
    assert everything.text(text) is text


trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.floats(-1e12, 1e12)
    | st.just(float("inf"))
    | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=10,
)


@given(trees, findings, st.sampled_from(["value", "name", "item", "json"]))
def test_nothing_stays_in_a_nested_value(tree: Any, finding: tuple[str, str], where: str) -> None:
    secret = finding[1]
    planted_ = {"value": {"a": [tree, secret]}, "name": {secret: tree}, "item": [[secret], tree]}.get(
        where, [json.dumps({"x": secret}, ensure_ascii=False), tree]
    )
    clean = everything.value({"deep": [planted_]})
    assert secret not in json.dumps(clean, ensure_ascii=False)
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in json.dumps(clean, ensure_ascii=False)


@given(trees)
def test_a_value_without_findings_is_the_same_object(tree: Any) -> None:
    assert everything.value(tree) is tree


# values --------------------------------------------------------------------------------------------------


def test_only_what_was_found_is_made_anew() -> None:
    kept = {"a": [1, 2]}
    value = {"kept": kept, "mail": "a@b.example", "pair": ("x", "a@b.example")}
    clean = everything.value(value)
    assert clean == {"kept": kept, "mail": "[email]", "pair": ("x", "[email]")}
    assert clean["kept"] is kept
    assert list(clean) == list(value)
    assert value["mail"] == "a@b.example"


def test_names_that_become_alike_keep_their_values() -> None:
    value = {"a@b.example": 1, "c@d.example": 2, "[email]": 3, "x": 4, "e@f.example": 5}
    clean = everything.value(value)
    assert clean == {"[email] 2": 1, "[email] 3": 2, "[email]": 3, "x": 4, "[email] 4": 5}
    assert everything.value(clean) is clean


@pytest.mark.parametrize("number", [4111111111111111, 4111111111111111.0, 378282246310005])
def test_a_number_that_is_a_card(number: float) -> None:
    assert everything.value({"card": number}) == {"card": "[card]"}


@pytest.mark.parametrize(
    "number", [0, -1, True, False, 1700000000000, 4111111111111112, 10**400, 0.5, 1e300, float("inf"), -0.0]
)
def test_other_numbers_stay(number: float) -> None:
    assert everything.value(number) is number


def test_a_number_is_read_as_it_is_written_by_the_owners_patterns() -> None:
    redactor = Redactor([], {"customer": r"^[0-9]{6}$"})
    assert redactor.value([123456, 1234567, 12345.5, True]) == ["[customer]", 1234567, 12345.5, True]


def test_lone_surrogates_are_no_obstacle() -> None:
    redactor = Redactor(KINDS, {"word": "secret"})
    assert redactor.text("\ud800 a@b.example secret \udfff") == "\ud800 [email] [word] \udfff"


# which digits there are ----------------------------------------------------------------------------------


def test_the_digits_of_every_script_are_noticed() -> None:
    digits = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isdecimal()]
    assert len(digits) > 600
    for digit in digits:
        assert redaction._plain(f"ä{digit}") == (f"ä{int(digit)}", 1)


# the owner's patterns ------------------------------------------------------------------------------------


def test_own_patterns_come_first_and_are_named() -> None:
    redactor = Redactor(["card"], {"customer": r"\bKD-[0-9]{16}\b", "Word_2": "(?i)geheim"})
    text = "KD-4111111111111111, 4111111111111111, GEHEIM ä geheim"
    assert redactor.text(text) == "[customer], [card], [Word_2] ä [Word_2]"
    assert redactor.found == {"customer": 1, "card": 1, "Word_2": 2}


@pytest.mark.parametrize("pattern", [".*", r"\w+", "card", r"\[", "x?[a-z]", "."])
def test_own_patterns_leave_brackets_alone_that_stand_for_a_finding(pattern: str) -> None:
    redactor = Redactor(["card"], {"x": pattern if not pattern.endswith("*") else ".+"})
    clean = redactor.text("card 4111 1111 1111 1111 [card] [x] end")
    assert redactor.text(clean) is clean
    assert "[[" not in clean


def test_a_pattern_that_fits_nothing_but_empty_places_changes_nothing() -> None:
    text = "one two"
    assert Redactor([], {"edge": r"\b"}).text(text) is text


@pytest.mark.parametrize(
    ("patterns", "error"),
    [
        ({"broken": "("}, r"pattern 'broken' cannot be used: missing \)"),
        ({"ahead": "(?=x)y"}, "'ahead' cannot be used: .* no lookaround"),
        (
            {"back": r"(a)\1"},
            "'back' cannot be used: .* no lookaround and no references back",
        ),
        ({"empty": "a*"}, "'empty' fits an empty text"),
        ({"nothing": ""}, "'nothing' fits an empty text"),
        ({"card": "x"}, "'card' has the name of a kind"),
        ({"two words": "x"}, "pattern 'two words': a name is a letter"),
        ({"]": "x"}, "a name is a letter"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_named(
    patterns: dict[str, str], error: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=error):
        Redactor([], patterns)
    assert capfd.readouterr() == ("", "")


def test_an_unknown_kind_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"'cards'; known: card, email, iban, key, phone\. Did you mean 'card'"
    ):
        Redactor(["cards"])


# nothing declared, many threads --------------------------------------------------------------------------


def test_where_nothing_is_declared_nothing_is_looked_at() -> None:
    redactor = Redactor([])
    value = {"card": ["4111111111111111", "a@b.example"]}
    assert redactor.empty
    assert redactor.value(value) is value
    assert not Redactor(["card"]).empty
    assert not Redactor([], {"x": "y"}).empty


@pytest.mark.parametrize(("kind", "finding"), [(kind, findings_[0]) for kind, findings_ in FINDINGS.items()])
def test_only_what_is_declared_is_replaced(kind: str, finding: str) -> None:
    assert Redactor([other for other in KINDS if other != kind]).text(f"x {finding} x") == f"x {finding} x"


def test_threads_count_together() -> None:
    redactor = Redactor(["email"])

    def work() -> None:
        for _ in range(300):
            redactor.text("a@b.example and c@d.example")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert redactor.found == {"email": 3600}


# hostile texts -------------------------------------------------------------------------------------------

HOSTILE = [
    *(
        "1 ",
        "0",
        "0 ",
        "01-",
        "(0",
        "(0)",
        "+1",
        "+",
        "0171 ",
        "0171-",
        "4111 ",
        "4111-",
        "4" + "1" * 15 + " ",
    ),
    *("a@", "@a.", "a@b.", "a.@", "%40", "@", "a@a-", "a@xn--", "a", "a.", "'@", '"@', "a@b.c@"),
    *("eyJ", "eyJa.", "_eyJ", "sk-", "sk-sk_", "ghp_", "AKIA", "AIza", "xoxb-", "Bearer ", "earer", "ak_a_"),
    *("-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "A" * 20 + "\n"),
    *("tel ", "tel:", "DE89 ", "DE89", "gb82west", "d1", "D1 ", "٤", "٤ ", "語1", "2024-01-02 ", "[card]1"),
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_work_grows_no_faster_than_the_text(unit: str) -> None:
    """Steps are counted, not seconds: the lines of ours that are run."""
    redactor = Redactor(KINDS, {"own": "(a+)+b|[0-9]+x"})
    small, large = (_work(redactor, unit * (size // len(unit))) for size in (1500, 6000))
    assert large <= 6 * small + 200


@pytest.mark.slow
@pytest.mark.parametrize("unit", HOSTILE)
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    """Within a pattern no step can be counted, so here it is time: a square would be 64 times as long."""

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        everything.text(text)
        return time.process_time() - start

    assert seconds(320_000) <= 24 * min(seconds(40_000) for _ in range(2)) + 0.5


def _work(redactor: Redactor, text: str) -> int:
    """How many lines of ours are run."""
    lines = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace if "govern" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        redactor.text(text)
    finally:
        sys.settrace(before)
    return lines
