"""The owner's own patterns: compiled by RE2, so that no text, however hostile, takes more than its length.

Python's own `re` cannot promise that: `[a-z]+-[0-9]+` takes hours on a megabyte of letters.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from autotroph.govern.formats.signs import Span

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")


class Pattern:
    """One pattern, which finds what is not blacked out already.

    Args:
        name: what its findings are replaced by, in brackets.
        pattern: a regular expression in RE2's syntax.
        names: all that text may be replaced by.

    Raises:
        ValueError: the name or the pattern cannot be used.
    """

    def __init__(self, name: str, pattern: str, names: Iterable[str]) -> None:
        self._compiled = _compiled(name, pattern)
        self._marks = re.compile(rb"\[(?:%b)\]" % b"|".join(re.escape(one.encode()) for one in names))

    def __call__(self, text: str) -> Iterator[Span]:
        """Where it fits a text; never an empty place, and never within brackets that stand for a finding."""
        raw = text.encode("utf-8", "surrogatepass")
        spans = self._spans(raw)
        return spans if len(raw) == len(text) else _in_signs(raw, spans)

    def _spans(self, raw: bytes) -> Iterator[Span]:
        for begin, end in self._free(raw):
            for found in self._compiled.finditer(raw[begin:end]):
                if found.end() > found.start():
                    yield begin + found.start(), begin + found.end()

    def _free(self, raw: bytes) -> Iterator[Span]:
        last = 0
        for mark in self._marks.finditer(raw):
            yield last, mark.start()
            last = mark.end()
        yield last, len(raw)


def _compiled(name: str, pattern: str) -> Any:
    import re2  # type: ignore[import-untyped] # when used: few products have patterns of their own

    if not _NAME.fullmatch(name):
        raise ValueError(
            f"pattern {name!r}: a name is a letter, then up to 39 letters, digits, dashes or underscores"
        )
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern.encode(), options)
    except re2.error as error:
        said = error.args[0].decode(errors="replace")
        raise ValueError(
            f"pattern {name!r} cannot be used: {said}; patterns are in RE2's syntax, which has no lookaround"
            " and no references back, so that no text can hold the product up"
        ) from error
    if compiled.search(b""):
        raise ValueError(f"pattern {name!r} fits an empty text, so it would black out everything: {pattern}")
    return compiled


def _in_signs(raw: bytes, spans: Iterable[Span]) -> Iterator[Span]:
    """Places in UTF-8 as places in the text."""
    at = sign = 0
    for begin, end in spans:
        first = sign + len(raw[at:begin].decode("utf-8", "surrogatepass"))
        at, sign = end, first + len(raw[begin:end].decode("utf-8", "surrogatepass"))
        yield first, sign
