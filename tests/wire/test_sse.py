"""Events out of bytes, however they are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.wire.sse import LONGEST, Lines, TooLong

PAYLOADS = st.lists(
    st.binary(min_size=1, max_size=40).filter(lambda b: not set(b"\r\n") & set(b)), max_size=8
)


@given(
    PAYLOADS,
    st.lists(st.integers(1, 30), max_size=30),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.booleans(),
)
def test_it_does_not_matter_how_bytes_are_cut(said: list[bytes], cuts: list[int], newline: bytes, talk: bool):
    noise = b": alive" + newline + newline + b"event: x" + newline if talk else b""
    body = b"".join(noise + b"data: " + one + newline + newline for one in said)
    lines, found = Lines(), []
    for cut in [*cuts, len(body)]:
        if body[:cut]:
            found += lines.feed(body[:cut])
        body = body[cut:]
    found += lines.feed(b"\n")  # what ends in a lone carriage return waits for what may follow
    assert found == said


def test_an_event_of_several_lines_is_one():
    assert Lines().feed(b"data: a\ndata:b\nid: 3\n\n") == [b"a\nb"]
    assert Lines().feed(b"event: x\n\n: only a comment\n\n") == []


def test_an_event_without_end_is_given_up():
    lines = Lines()
    assert lines.feed(b"x" * LONGEST) == []
    with pytest.raises(TooLong):
        lines.feed(b"x")


@pytest.mark.parametrize("cuts", [(), (1,), (2, 5)])
def test_a_byte_order_mark_does_not_swallow_the_first_event(cuts: tuple[int, ...]):
    body, lines, found = b"\xef\xbb\xbfdata: a\n\ndata: b\n\n", Lines(), []
    for begin, end in pairwise([0, *cuts, len(body)]):
        found += lines.feed(body[begin:end])
    assert found == [b"a", b"b"]


def test_a_lone_carriage_return_at_the_end_of_all_ends_its_event():
    lines = Lines()
    assert lines.feed(b"data: a\r\rdata: b\r\r") == [b"a"]
    assert lines.feed(b"") == [b"b"]
