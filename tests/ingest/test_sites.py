"""A call site is the same from call to call, and another one is another."""

import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.ingest.grouping import Seen, grouped
from autotroph.ingest.sites import SHOWN, asked_form, site_of, template_of, template_of_inputs
from autotroph.spec.shape import NAME

CHAT = "/chat/completions"


def asked(system: str, **more: object) -> dict[str, object]:
    return {"messages": [{"role": "system", "content": system}, {"role": "user", "content": "Hi"}], **more}


def tool(name: str) -> dict[str, object]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


SAME = [
    ("A support bot. Today is 2026-11-21. User: Ann", "A support bot. Today is 1 Dec 2026. User: Joe Bloggs"),
    ("You help Ann Smith with her order.", "You help Bob with her order."),
    ("Write to ann@example.org about it.", "Write to joe.b+x@mail.example about it."),
    ('Answer the customer "Ann" kindly.', "Answer the customer “Jürgen Ä.” kindly."),
    ("Ticket INV-2041x is open, help.", "Ticket INV-77 is open, help."),
    ("Session: 9f3a-11bc\nBe brief.", "Session: x\nBe brief."),
    ("Be brief.\n\n  Be   kind.", "Be brief.\nBe kind.\n"),
    ("Be brief.\nBe kind.\nBe here.\nToday it rains.", "Be brief.\nBe kind.\nBe here.\nIt snows."),
    ("You answer from these documents:\nthe cat sat", "You answer from these documents:\na dog ran off\nfar"),
    ("See https://example.org/a?b=1 first.", "See http://other.example/ first."),
    ("It is Saturday, November 21, 2026 now. Help.", "It is Sunday, March 1, 2027 now. Help."),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_belongs_to_one_call_makes_no_other_site(one, other):
    assert site_of(CHAT, asked(one)) == site_of(CHAT, asked(other)), (template_of(CHAT, asked(one)), other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asked("You are a support bot."), asked("You are a sales bot.")),
        (asked("Be brief.", tools=[tool("find")]), asked("Be brief.")),
        (asked("Be brief.", tools=[tool("find")]), asked("Be brief.", tools=[tool("buy")])),
        (asked("Be brief."), asked("Be brief.", response_format={"type": "json_object"})),
        ({"input": "Hi"}, {"input": "Hi", "instructions": "Be brief."}),
        ({"input": "Translate this for me: bread"}, {"input": "Summarise this for me: bread"}),
    ],
)
def test_another_call_site_is_another(one, other):
    assert site_of(CHAT, one) != site_of(CHAT, other)


def test_the_path_tells_them_apart_and_the_order_of_tools_does_not():
    both = [tool("find"), tool("buy")]
    assert site_of("/responses", asked("Be brief.")) != site_of(CHAT, asked("Be brief."))
    assert site_of("/v1/responses", asked("Be brief.")) == site_of("responses", asked("Be brief."))
    assert site_of(CHAT, asked("x", tools=both)) == site_of(CHAT, asked("x", tools=both[::-1]))


def test_a_conversation_stays_at_its_site():
    first = {"messages": [{"role": "user", "content": "Summarise the following text: bread is good"}]}
    more = {"messages": [*first["messages"], {"role": "assistant", "content": "Bread: good."}]}
    assert site_of(CHAT, first) == site_of(CHAT, more)
    assert template_of(CHAT, first).words == ("summarise", "the", "following", "text", "*")
    chat = {"messages": [{"role": "user", "content": "Is bread good?"}]}
    assert template_of(CHAT, chat).words == ()


def test_instructions_and_parts_are_read_like_messages():
    parts = [{"type": "input_image"}, {"type": "input_text", "text": "Be brief."}]
    wanted = template_of("/responses", {"instructions": "Be brief.", "input": "Hi"}).words
    assert template_of("/responses", {"input": [{"role": "developer", "content": parts}]}).words == wanted
    stored = {"messages": asked("Be brief.")["messages"], "request": {"path": "/responses"}}
    assert template_of_inputs(stored).site == site_of("/responses", {"instructions": "Be brief."})


def test_the_form_of_an_answer_is_read_in_both_formats():
    schema = {"type": "object", "properties": {"sum": {}, "due": {}}}
    chat = {"response_format": {"type": "json_schema", "json_schema": {"name": "bill", "schema": schema}}}
    responses = {"text": {"format": {"type": "json_schema", "name": "bill", "schema": schema}}}
    assert asked_form(chat) == asked_form(responses)
    assert template_of(CHAT, chat).schema == ("json_schema", "bill", "due", "sum")


def test_a_prompt_of_any_size_is_read_only_at_its_beginning():
    begins = "word " * 80
    assert site_of(CHAT, asked(begins + "x" * 5_000_000)) == site_of(CHAT, asked(begins + "y" * SHOWN))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["role", "content", "text", "type", "function", "name", "schema", "properties", "x"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip
KEYS = ("messages", "input", "instructions", "tools", "response_format", "text", "request", "path")


@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=5), st.text(max_size=20))
def test_whatever_is_sent_has_a_site_that_is_a_name(document, path):
    site = site_of(path, document)
    assert NAME.fullmatch(site)
    assert site == site_of(path, document)
    assert NAME.fullmatch(template_of_inputs(document).site)


@given(st.text(string.printable + "äß“”«»`'\"", max_size=600))
def test_any_prompt_is_masked_in_bounded_words(text):
    words = template_of(CHAT, asked(text)).words
    assert "*" not in {left for left, right in pairwise(words) if left == right}
    assert not any(char.isdigit() and char.isascii() for word in words for char in word)


def test_sites_that_differ_in_a_word_are_one_group():
    known = "you know every tram that leaves the main station of {} by heart"
    towns = [known.format(town) for town in ("bern", "basel", "chur")]
    others = ["you translate whatever is said into plain words", "you know"]
    templates = [template_of(CHAT, asked(text)) for text in (*others, *towns)]
    seen = [Seen(template, calls, template.site) for calls, template in enumerate(templates, 1)]
    groups = grouped(seen)
    assert [group.calls for group in groups] == [3 + 4 + 5, 2, 1]
    assert groups[0].sites == tuple(one.site for one in seen[:1:-1])
    assert grouped(reversed(seen)) == groups


def test_other_tools_are_another_group():
    templates = [template_of(CHAT, asked("Be brief.", tools=[tool(name)])) for name in ("find", "buy")]
    seen = [Seen(template, 5, template.site) for template in templates]
    assert len(grouped(seen)) == 2
