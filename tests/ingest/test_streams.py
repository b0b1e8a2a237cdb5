import gzip
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotroph.errors import InputError, UnknownName
from autotroph.ingest.reading import TooLarge
from autotroph.ingest.streams import Lines, decompress, lines

TEXT = b'{"subject":"d1","name":"kept","value":true}\n' * 500


def cut(body, sizes):
    """A body in pieces of these sizes, over and over."""
    start, turn = 0, 0
    while start < len(body):
        end = start + sizes[turn % len(sizes)]
        yield body[start:end]
        start, turn = end, turn + 1


def unpacked(body, encoding, limit=1 << 20):
    return b"".join(decompress([body], encoding, limit))


# unpacking -----------------------------------------------------------------------------------------------


PACKED = {
    "gzip": gzip.compress(TEXT),
    "X-GZIP": gzip.compress(TEXT),
    " gzip": gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]),
    "deflate": zlib.compress(TEXT),
    "identity": TEXT,
    "": TEXT,
}


@pytest.mark.parametrize("sizes", [[1], [7, 100], [1 << 20]])
@pytest.mark.parametrize(("encoding", "body"), PACKED.items())
def test_what_was_packed_is_unpacked_however_it_comes(encoding, body, sizes):
    assert b"".join(decompress(cut(body, sizes), encoding)) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("limit", [1 << 20, 1 << 40])
def test_a_bomb_is_refused_at_the_cap(encoding, limit):
    pack = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    bomb, seen = pack(bytes(100 << 20)), 0
    pieces = decompress([bomb], encoding, limit)
    tracemalloc.start()
    with pytest.raises(TooLarge):  # noqa: PT012 - how far it came is what is asked
        for piece in pieces:
            seen += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen <= min(limit, 200 * len(bomb))
    assert peak < 2 << 20


def test_of_a_stream_of_ones_own_only_a_part_is_held():
    pieces, seen = decompress([gzip.compress(bytes(100 << 20))], "gzip", None), 0
    tracemalloc.start()
    for piece in pieces:
        seen += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (seen, peak < 2 << 20) == (100 << 20, True)


def test_plain_bytes_have_the_same_cap():
    with pytest.raises(TooLarge, match="more than 100 bytes"):
        unpacked(TEXT, "identity", limit=100)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_stream_that_ends_too_soon_is_refused(encoding):
    body = gzip.compress(TEXT) if encoding == "gzip" else zlib.compress(TEXT)
    for end in (0, 1, 5, len(body) // 2, len(body) - 1):
        with pytest.raises(InputError, match="ends in the middle"):
            unpacked(body[:end], encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("more", [b"x", b"\x00", b"\x1f", b"\x1f\x8bx", gzip.compress(TEXT)[:-1]])
def test_a_stream_that_goes_on_after_its_end_is_refused(encoding, more):
    body = gzip.compress(TEXT) if encoding == "gzip" else zlib.compress(TEXT)
    with pytest.raises(InputError):
        unpacked(body + more, encoding)


def test_a_damaged_stream_is_refused():
    body = bytearray(gzip.compress(random.Random(7).randbytes(5_000)))
    body[2_000] ^= 255
    with pytest.raises(InputError, match="damaged"):
        unpacked(bytes(body), "gzip")


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip, gzip"])
def test_another_encoding_is_refused_by_name(encoding):
    with pytest.raises(UnknownName, match="known: deflate, gzip, identity"):
        unpacked(b"", encoding)


@given(st.binary(), st.sampled_from(["gzip", "deflate"]))
@settings(max_examples=300)
def test_no_bytes_raise_anything_but_a_refusal(body, encoding):
    try:
        unpacked(body, encoding)
    except InputError:
        return
    assert zlib.decompressobj(31 if encoding == "gzip" else 15).decompress(body) is not None


# lines ---------------------------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from([b"", b" ", b"a", b"\r", b"\n", b"\r\n", b"\x0b", b"long line"])).map(b"".join),
    st.lists(st.integers(1, 5), min_size=1),
)
def test_lines_are_as_a_file_has_them_however_they_come(body, sizes):
    expected = [
        (number, line.removesuffix(b"\r")) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()
    ]
    assert list(lines(cut(body, sizes))) == expected
    everything = list(lines(cut(body, sizes), blank=True))
    assert [line for _, line in everything] == [line.removesuffix(b"\r") for line in splitlines(body)]


def splitlines(body):
    """At newlines only; what ends with one has no line after it."""
    return body.removesuffix(b"\n").split(b"\n") if body else []


@pytest.mark.parametrize("sizes", [[1], [3, 11], [1000]])
def test_a_line_that_is_too_long_is_reported_and_skipped(sizes):
    body = b"12345\n" + b"1234567890\r\n" + b"12345678901\nend\n" + b"x" * 100
    found = list(lines(cut(body, sizes), limit=10))
    assert [(number, line if isinstance(line, bytes) else type(line)) for number, line in found] == [
        (1, b"12345"), (2, b"1234567890"), (3, TooLarge), (4, b"end"), (5, TooLarge),
    ]  # fmt: skip
    assert "more than 10 bytes" in str(found[2][1])


def test_an_endless_line_is_not_held():
    cutter = Lines(limit=1_000)
    tracemalloc.start()
    for _ in range(1_000):
        assert cutter.feed(bytes(10_000)) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    assert [number for number, _ in cutter.feed(b"\nnext\n")] == [1, 2]
