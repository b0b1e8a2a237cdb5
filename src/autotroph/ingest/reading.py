"""Untrusted bytes to a plain JSON value, and that to a typed struct; anything doubtful is refused.

What is refused, each with the byte where it is:

- what is not UTF-8, begins with a byte order mark, is empty, or is no JSON to its last byte;
- NaN and infinities, as words or as numbers that are too large; whole numbers beyond 64 bits;
- a name that comes twice in one object, at any level: readers differ in which one they take;
- NUL in any text, since not every store keeps it, and control characters in names; other control
  characters in free text stay (a log with colours is a text);
- halves of surrogate pairs, which are no text;
- nesting, length and number of pieces beyond `Limits`.

Time and memory grow with the length of the document, never faster. Most documents are read by msgspec
alone; what it cannot decide (which of two names counted, where a fault is) takes the slower, careful way.
"""

import json
import re
from itertools import islice
from typing import Any, TypeVar

import msgspec

from autotroph.errors import InputError, suggest

T = TypeVar("T", bound=msgspec.Struct)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How large a document may be.

    Attributes:
        size: bytes.
        depth: lists and objects within one another.
        pieces: texts, names, lists, objects and commas: what a reader spends time and memory on.
    """

    size: int = 1 << 20
    depth: int = 32
    pieces: int = 50_000


LIMITS = Limits()


class TooLarge(InputError):
    """More bytes than anybody agreed to read."""


def read_json(body: bytes, limits: Limits = LIMITS) -> Any:
    """The value of a JSON document.

    >>> read_json(b'{"name": "kept", "value": 1}')
    {'name': 'kept', 'value': 1}
    >>> read_json(b'{"name": "kept", "name": "left"}')
    Traceback (most recent call last):
    ...
    autotroph.errors.InputError: byte 17: 'name' is named twice in one object; say it once

    Raises:
        TooLarge: more bytes than `limits.size`.
        InputError: anything else that is refused; the message says what and where.
    """
    if len(body) > limits.size:
        raise TooLarge(f"a document of {len(body):,} bytes; at most {limits.size:,} are read")
    _check_extent(body, limits)
    if _LONG not in body.translate(_DIGITS) and not (b"\\u00" in body and _ESCAPED.search(body)):
        try:
            value = _DECODE(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # the careful way says what is wrong, and where
        else:
            if _ENCODE(value).count(b":") == body.count(b":") and _plain_names(body, value):
                return value
    return _read_carefully(body)


def check_text(text: str) -> None:
    """Refuse a text that did not come by JSON for what it would be refused for there; InputError."""
    if fault := _text_fault(text):
        raise InputError(fault)


def typed(value: Any, kind: type[T]) -> T:
    """A plain value as a struct: names and types must fit exactly.

    Raises:
        InputError: it does not fit; the message names the field, or the known ones.
    """
    if isinstance(value, dict):
        known = kind.__struct_encode_fields__
        for name in value:
            if name not in known:
                raise InputError(f"no field named {name!r:.80}; {suggest(name, known)}")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        path = where.strip("`").removeprefix("$").removeprefix(".")
        raise InputError(f"{path}: {_lowered(what)}" if path else _lowered(what)) from None


# the quick way -------------------------------------------------------------------------------------------

_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode
"""A second look at how many members a value has. Every kept member, and every colon within a text, is one
colon in the encoded value; a member that was dropped because its name came again is one less than there
were in the document. Only a colon written as an escape could hide it: see `_ESCAPED`."""

_ESCAPED = re.compile(rb"\\u00(?:[0189]|3[aA]|7[fF])")
"""Escapes of NUL, of other control characters, of a colon: rare, so read carefully."""

_LONG = b"0" * 19
_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
"""Turns every digit into 0, so that a number too long for 64 bits is found at the speed of a search."""

_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_OUTSIDE = bytes(set(range(256)) - set(b"[]{}"))
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def _check_extent(body: bytes, limits: Limits) -> None:
    """Refuse what would be deep or manifold, before anything is built of it."""
    few = len(body) <= limits.pieces or _pieces(body) <= limits.pieces
    if few and body.count(b"[") + body.count(b"{") <= limits.depth:
        return  # even if all of them are meant, and none is part of a text
    too_many = any(islice(_TEXTS.finditer(body), limits.pieces, None))
    bare = b"" if too_many else _TEXTS.sub(b'"', body)
    if too_many or _pieces(bare) > limits.pieces:
        raise InputError(f"more than {limits.pieces:,} names and values; send fewer at a time")
    depth = 0
    for bracket in bare.translate(None, delete=_OUTSIDE):
        depth += 1 if bracket in b"[{" else -1
        if depth > limits.depth:
            raise InputError(f"lists and objects nested more than {limits.depth} deep; send it flatter")


def _pieces(body: bytes) -> int:
    return body.count(b",") + body.count(b'"') + body.count(b"[") + body.count(b"{")


def _plain_names(body: bytes, value: Any) -> bool:
    """Whether no name holds a control character; only looked at where there can be one."""
    if b"\\" not in body and body.isascii() and b"\x7f" not in body:
        return True
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if not all(name.isprintable() or not _CONTROL.search(name) for name in each):
                return False
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return True


# the careful way -----------------------------------------------------------------------------------------

_TOKENS = re.compile(
    r'(?P<text>"[^"\\]*+(?:\\.[^"\\]*+)*+")(?P<name>\s*+:)?'
    r"|(?P<number>-?(?:[0-9][0-9.eE+-]*+|Infinity|NaN))|(?P<object>[{}])"
)
"""What of JSON can be doubtful: texts, names, numbers; and where an object begins and ends."""

_INTEGERS = range(-(2**63), 2**63)
_CAREFUL = json.JSONDecoder(parse_int=lambda digits: int(digits) if len(digits) <= 20 else 0)
"""Python's reader, without its error about long numbers: those are refused afterwards, with their place."""


def _read_carefully(body: bytes) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start}: not UTF-8") from None
    if text.startswith("\ufeff"):
        raise InputError("byte 0: a byte order mark; send UTF-8 without one")
    if not text or text.isspace():
        raise InputError("empty: a JSON document was expected")
    try:
        value = _CAREFUL.decode(text)
    except json.JSONDecodeError as error:
        what = _lowered(error.msg).removesuffix(" starting at").removesuffix(" at")
        raise InputError(f"byte {_byte(text, error.pos)}: not JSON: {what}") from None
    _refuse_doubtful(text)
    return value


def _refuse_doubtful(text: str) -> None:
    """Go through JSON token by token, and refuse the first that is more, or less, than a plain value."""
    open_objects: list[set[str]] = []
    for token in _TOKENS.finditer(text):
        match token.lastgroup:
            case "text":
                fault = _text_fault(_unescaped(token[0])) if "\\u" in token[0] else ""
            case "name":
                fault = _name_fault(_unescaped(token["text"]), open_objects[-1])
            case "number":
                fault = _number_fault(token[0])
            case _:
                fault = ""
                open_objects.append(set()) if token[0] == "{" else open_objects.pop()
        if fault:
            raise InputError(f"byte {_byte(text, token.start())}: {fault}")


def _unescaped(quoted: str) -> str:
    said: str = json.loads(quoted) if "\\" in quoted else quoted[1:-1]
    return said


def _name_fault(name: str, seen: set[str]) -> str:
    if name in seen:
        return f"{name!r:.80} is named twice in one object; say it once"
    seen.add(name)
    if _CONTROL.search(name):
        return f"the name {name!r:.80} holds a control character"
    return _text_fault(name)


def _text_fault(text: str) -> str:
    if "\x00" in text:
        return "a text holds NUL; leave it out"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "a text holds half of a surrogate pair; send whole characters"
    return ""


def _number_fault(word: str) -> str:
    if word in ("NaN", "Infinity", "-Infinity"):
        return f"{word} is no JSON number; leave out what is not known"
    if word.lstrip("-").isdigit():
        return "" if len(word) <= 20 and int(word) in _INTEGERS else "a whole number beyond 64 bits"
    return "a number too large for a double" if abs(float(word)) == float("inf") else ""


def _byte(text: str, place: int) -> int:
    """Where in the bytes the character at `place` begins."""
    return len(text[:place].encode())


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]
