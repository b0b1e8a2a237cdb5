"""Blacking out: what gives people and secrets away is replaced by its kind before anything is stored."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from unicodedata import decimal

from autotroph.errors import suggest
from autotroph.govern.formats.signs import Finder

KINDS = ("card", "email", "iban", "key", "phone")
_ROUNDS = 8
_SHORTEST = 6
_PLAIN_NUMBER, _LARGEST_NUMBER = 10**12, 10**19


class Redactor:
    """Replaces findings by their kind in brackets, such as `[card]`; safe to use from several threads.

    >>> Redactor(["email", "card"]).text("pay me@shop.example, not 4111 1111 1111 1111")
    'pay [email], not [card]'

    Args:
        kinds: of those in `KINDS`.
        patterns: regular expressions in RE2's syntax, whose findings are replaced by their names.

    Attributes:
        found: how many there were, by kind.

    Raises:
        ValueError: a kind that is not known, or a pattern that cannot be used.
    """

    def __init__(self, kinds: Sequence[str], patterns: Mapping[str, str] | None = None) -> None:
        own = patterns or {}
        for kind in kinds:
            if kind not in KINDS:
                raise ValueError(f"nothing to redact is named {kind!r}; {suggest(kind, KINDS)}")
        for name in own:
            if name in KINDS:
                raise ValueError(f"pattern {name!r} has the name of a kind; give it another")
        names = (*KINDS, *own)
        self._finders = (*_own(own, names), *_known(kinds))
        self._any_text = bool(own)
        self._lock = threading.Lock()
        self.found: Counter[str] = Counter()

    @property
    def empty(self) -> bool:
        """Whether nothing is to be redacted, so that nobody need ask."""
        return not self._finders

    def text(self, text: str) -> str:
        """The text without what was found; the same one if nothing was.

        What is left after a replacement is looked at again, so that redacting twice changes nothing.
        """
        if len(text) < _SHORTEST and not self._any_text:
            return text
        for _ in range(_ROUNDS):
            before, text = text, self._round(text)
            if text is before:
                break
        return text

    def value(self, value: Any) -> Any:
        """A JSON value, its names too, without what was found; the same object if nothing was.

        A whole number is read as it is written: one that is a card's becomes the text `[card]`. Names that
        become alike are numbered.
        """
        match value:
            case str():
                return self.text(value)
            case dict():
                return self._object(value)
            case list():
                items = [self.value(item) for item in value]
                return items if _changed(items, value) else value
            case tuple():
                items = [self.value(item) for item in value]
                return tuple(items) if _changed(items, value) else value
            case int() | float():
                return self._number(value)
            case _:
                return value

    def _round(self, text: str) -> str:
        plain, digits = _plain(text)
        for finder in self._finders:
            if digits >= finder.digits:
                before, text = text, self._replaced(text, plain, finder)
                plain = plain if text is before else _plain(text)[0]
        return text

    def _replaced(self, text: str, plain: str, finder: Finder) -> str:
        last = 0
        parts: list[str] = []
        for start, end in finder.find(plain):
            parts += (text[last:start], f"[{finder.kind}]")
            last = end
        if not parts:
            return text
        with self._lock:
            self.found[finder.kind] += len(parts) // 2
        return "".join((*parts, text[last:]))

    def _object(self, value: dict[Any, Any]) -> dict[Any, Any]:
        names = [self.text(name) if isinstance(name, str) else name for name in value]
        items = [self.value(item) for item in value.values()]
        if _changed(names, value):
            return dict(zip(_apart(names, value), items, strict=True))
        return dict(zip(value, items, strict=True)) if _changed(items, value.values()) else value

    def _number(self, value: float) -> float | str:
        least = 0 if self._any_text else _PLAIN_NUMBER
        if isinstance(value, bool) or not least <= abs(value) < _LARGEST_NUMBER or value != int(value):
            return value
        written = str(int(value))
        clean = self.text(written)
        return value if clean is written else clean


def _own(patterns: Mapping[str, str], names: Sequence[str]) -> Sequence[Finder]:
    if not patterns:
        return ()
    from autotroph.govern.patterns import Pattern  # felt: a product without patterns starts without RE2

    return [Finder(name, 0, Pattern(name, pattern, names)) for name, pattern in patterns.items()]


def _known(kinds: Sequence[str]) -> Iterable[Finder]:
    if not kinds:
        return ()
    from autotroph.govern.formats.finders import FINDERS  # felt: their expressions are compiled

    return (finder for finder in FINDERS if finder.kind in kinds)


def _changed(items: Iterable[object], before: Iterable[object]) -> bool:
    return any(item is not other for item, other in zip(items, before, strict=True))


def _apart(names: Sequence[object], before: Iterable[object]) -> Iterator[object]:
    """The names, those that became alike with a number; a name that stayed keeps its own."""
    taken = {name for name, other in zip(names, before, strict=True) if name is other}
    numbers: Counter[object] = Counter()
    for name, other in zip(names, before, strict=True):
        fresh = name
        while name is not other and fresh in taken:
            numbers[name] += 1
            fresh = f"{name} {numbers[name] + 1}"
        taken.add(fresh)
        yield fresh


_ASCII_DIGITS = b"0123456789"
_DIGITS_ELSEWHERE = bytes((0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, 0xF0))
"""What the digits of every other script begin with in UTF-8, and some other signs."""


def _plain(text: str) -> tuple[str, int]:
    """The text with digits of every script as 0 to 9, and how many there are.

    Bytes are counted, in a fraction of the time that a pattern takes.
    """
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) != len(text) and len(raw.translate(None, _DIGITS_ELSEWHERE)) < len(raw):
        others = {ord(sign): str(decimal(sign)) for sign in set(text) if sign > "\x7f" and sign.isdecimal()}
        if others:
            text = text.translate(others)
            raw = text.encode("utf-8", "surrogatepass")
    return text, len(raw) - len(raw.translate(None, _ASCII_DIGITS))
