import json
import math
import tracemalloc
from typing import Literal

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autotroph.errors import InputError
from autotroph.ingest import reading
from autotroph.ingest.reading import LIMITS, Limits, TooLarge, read_json, typed


class Refusal(msgspec.Struct, frozen=True):
    body: bytes
    says: str


REFUSALS = {
    "not utf-8": Refusal(b'{"a":"\xff"}', "byte 6: not UTF-8"),
    "a surrogate in utf-8": Refusal(b'"\xed\xa0\x80"', "byte 1: not UTF-8"),
    "utf-16": Refusal('{"a":1}'.encode("utf-16"), "byte 0: not UTF-8"),
    "a byte order mark": Refusal(b'\xef\xbb\xbf{"a":1}', "byte order mark"),
    "nothing": Refusal(b"", "empty"),
    "blanks": Refusal(b" \r\n\t", "empty"),
    "NaN": Refusal(b'{"a": NaN}', "byte 6: NaN"),
    "Infinity": Refusal(b"[1, Infinity]", "byte 4: Infinity"),
    "-Infinity": Refusal(b"-Infinity", "byte 0: -Infinity"),
    "too large a number": Refusal(b'{"a":1,"b":-1e999}', "byte 11: a number too large"),
    "a large number in digits": Refusal(b"[1" + b"0" * 400 + b".5]", "byte 1: a number too large"),
    "beyond 64 bits": Refusal(b'{"a":9223372036854775808}', "byte 5: a whole number beyond 64 bits"),
    "beyond 64 bits below": Refusal(b"-9223372036854775809", "byte 0: a whole number beyond 64 bits"),
    "5,000 digits": Refusal(b"9" * 5_000, "byte 0: a whole number beyond 64 bits"),
    "a name twice": Refusal(b'{"a":1,"b":2,"a":3}', "byte 13: 'a' is named twice"),
    "a name twice deep down": Refusal(b'[{"b":{"a":1, "a" :1}}]', "byte 14: 'a' is named twice"),
    "a name twice in another spelling": Refusal(b'{"a":1,"\\u0061":2}', "byte 7: 'a' is named twice"),
    "a name twice, hidden by a colon": Refusal(b'{"a":"\\u003a","a":"\\u003A"}', "'a' is named twice"),
    "a name twice, with texts that hold colons": Refusal(b'{"a":":::","a":":"}', "'a' is named twice"),
    "NUL": Refusal(b'{"a":"b\\u0000"}', "byte 5: a text holds NUL"),
    "NUL raw": Refusal(b'"\x00"', "byte 1: not JSON: invalid control character"),
    "a raw control character": Refusal(b'"a\x1b"', "byte 2: not JSON"),
    "NUL in a name": Refusal(b'{"a\\u0000":1}', "byte 1: the name 'a\\\\x00' holds a control"),
    "a newline in a name": Refusal(b'{"a\\nb":1}', "byte 1: the name 'a\\\\nb' holds a control"),
    "an escape in a name deep down": Refusal(b'[[{"x\\u001b":1}]]', "holds a control character"),
    "DEL in a name": Refusal(b'{"\x7f":1}', "holds a control character"),
    "C1 in a name": Refusal('{"\x85":1}'.encode(), "holds a control character"),
    "a lone surrogate": Refusal(b'{"a":"\\ud800"}', "byte 5: a text holds half of a surrogate pair"),
    "surrogates the wrong way round": Refusal(b'["\\udc00\\ud800"]', "half of a surrogate pair"),
    "a lone surrogate in a name": Refusal(b'{"\\uDFFF":1}', "half of a surrogate pair"),
    "something after the end": Refusal(b'{"a":1} {"b":2}', "byte 8: not JSON: extra data"),
    "no end": Refusal(b'{"a":[1,2', "not JSON"),
    "an unfinished text": Refusal('{"ü":"'.encode(), "byte 6: not JSON: unterminated string"),
    "a trailing comma": Refusal(b"[1,]", "not JSON"),
    "a comment": Refusal(b"[1] // one", "not JSON"),
    "single quotes": Refusal(b"{'a':1}", "not JSON"),
    "leading zeros": Refusal(b"007", "not JSON"),
    "too deep": Refusal(b"[" * 33 + b"]" * 33, "nested more than 32 deep"),
    "too deep in objects": Refusal(b'{"a":' * 33 + b"1" + b"}" * 33, "nested more than 32 deep"),
    "very deep": Refusal(b"[" * (1 << 20), "more than"),
    "too many": Refusal(b"[" + b"1," * 60_000 + b"1]", "more than 50,000 names and values"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_what_is_doubtful_is_refused_and_says_what_and_where(refusal):
    with pytest.raises(InputError, match=refusal.says) as caught:
        read_json(refusal.body)
    assert "\x00" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":{"a":[{"a":1},{"a":2}]},"b":":"}',
        b'  {"a" : "\\u00fc\\u003a", "b" : "\\\\u0000 \\\\ud800"}\n',
        '{"ärger": "C:\\\\x: \\ud83d\\ude00 🜁 \\u001b[31m\\t\\n"}'.encode(),
        b"[9223372036854775807, -9223372036854775808, 1e308, -0.0, 1e-999, 12345678901234567890.5]",
        b'"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["',
        b"[" * 32 + b"]" * 32,
        b"true",
        b"null",
        b'""',
    ],
)
def test_what_is_plain_is_read_as_python_reads_it(body):
    assert read_json(body) == json.loads(body)


def test_what_is_too_long_is_told_apart():
    with pytest.raises(TooLarge, match="1,048,577 bytes; at most 1,048,576"):
        read_json(b" " * (LIMITS.size + 1))
    assert read_json(b"[[]]", Limits(size=4, depth=2, pieces=2)) == [[]]
    with pytest.raises(InputError, match="more than 1 deep"):
        read_json(b"[[]]", Limits(depth=1))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * (1 << 20),
        b'{"":' * (1 << 18),
        b"[" + b"[]," * 340_000 + b"[]]",
        b'"' * (1 << 20),
        b'\\"\\\\"' * 200_000,
    ],
    ids=lambda body: body[:8],
)
def test_a_hostile_document_builds_nothing(body):
    tracemalloc.start()
    with pytest.raises(InputError):
        read_json(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(body)


# fuzzing -------------------------------------------------------------------------------------------------

NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=8)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=20)
FRAGMENTS = st.sampled_from(
    [
        *'{}[],:"\\-+.eE0123456789 \n',
        *('"a":', '"a"', "\\u0000", "\\u003a", "\\ud83d", "\\ude00", "NaN", "null", "1e", "99"),
    ]
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_every_plain_value_is_read_back(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert same(read_json(text.encode()), value)


@given(st.binary() | st.lists(FRAGMENTS).map(lambda parts: "".join(parts).encode()))
@example(b"-")
@example(b'"\\')
@example(b'{"a":1,"a"')
@settings(max_examples=500)
def test_no_bytes_raise_anything_but_a_refusal(body):
    try:
        value = read_json(body)
    except InputError:
        return
    assert same(value, json.loads(body))


@given(VALUES, st.data())
@settings(max_examples=250)
def test_a_damaged_document_is_refused_or_is_another(value, data):
    body = bytearray(json.dumps(value, ensure_ascii=data.draw(st.booleans())).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body)))
        body[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.binary(max_size=2) | FRAGMENTS.map(str.encode)
        )
    try:
        found = read_json(bytes(body))
    except InputError:
        return
    assert same(found, json.loads(bytes(body)))


@given(VALUES | st.lists(FRAGMENTS).map("".join))
def test_the_quick_way_takes_nothing_that_the_careful_way_refuses(value):
    body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    quick, careful = outcome(read_json, body), outcome(reading._read_carefully, body)
    assert same(quick, careful)


@given(st.dictionaries(NAMES, LEAVES, min_size=1), st.data())
def test_every_repeated_name_is_found(value, data):
    name = data.draw(st.sampled_from(sorted(value)))
    members = [f"{json.dumps(one)}:{json.dumps(each)}" for one, each in value.items()]
    again = f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(data.draw(LEAVES))}"
    body = f"[{{{','.join([*members, again])}}}]".encode()
    with pytest.raises(InputError, match="named twice"):
        read_json(body)


def outcome(read, body):
    try:
        return read(body)
    except InputError as error:
        return f"refused: {error}"


def same(one, other):
    """Equal, and of equal types: 1, 1.0 and True are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return one == other


# typed ---------------------------------------------------------------------------------------------------


class Person(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    age: float = 0.0
    kind: Literal["cat", "dog"] = "cat"
    tags: tuple[str, ...] = ()


def test_a_value_of_the_right_shape_is_taken():
    assert typed({"name": "Ada", "age": 36, "tags": ["x"]}, Person) == Person(
        name="Ada", age=36.0, tags=("x",)
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"name": "Ada", "agee": 1}, "no field named 'agee'; known: age, kind, .* Did you mean 'age'"),
        ({"age": 1}, "missing required field `name`"),
        ({"name": 1}, "name: expected `str`, got `int`"),
        ({"name": "Ada", "age": True}, "age: expected `float`, got `bool`"),
        ({"name": "Ada", "kind": "cow"}, "kind: invalid enum value 'cow'"),
        ({"name": "Ada", "tags": ["a", 1]}, r"tags\[1\]: expected `str`, got `int`"),
        ([1], "expected `object`, got `array`"),
        (None, "expected `object`, got `null`"),
    ],
)  # fmt: skip
def test_a_value_of_another_shape_is_refused_by_name(value, says):
    with pytest.raises(InputError, match=says):
        typed(value, Person)
