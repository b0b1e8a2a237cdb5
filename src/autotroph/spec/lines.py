"""Where in a TOML text a key stands: a scanner of headers and keys, for error messages only.

Exact for headers and for keys that begin a line; a key inside an inline table or a list is found on the
line of the key that holds it.
"""

import re

Path = tuple[str, ...]

_KEY = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*\[{{1,2}}\s*({_DOTTED})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")
_PART = re.compile(_KEY)


def lines_of(text: str) -> dict[Path, int]:
    r"""Every key path and the line where it is first written, counted from 1.

    >>> lines_of('[a.b]\nc.d = 1')
    {('a', 'b'): 1, ('a', 'b', 'c', 'd'): 2}
    """
    found: dict[Path, int] = {}
    table: Path = ()
    quote = ""
    for number, line in enumerate(text.split("\n"), start=1):
        inside, quote = bool(quote), _still_open(line, quote)
        if inside:
            continue
        if header := _HEADER.match(line):
            table = _path(header[1])
            found.setdefault(table, number)
        elif key := _ASSIGNMENT.match(line):
            found.setdefault((*table, *_path(key[1])), number)
    return found


def line_of(path: Path, lines: dict[Path, int]) -> int:
    """The line of a path, or of the nearest thing that holds it, or 1."""
    for length in range(len(path), 0, -1):
        prefix = path[:length]
        under = [line for found, line in lines.items() if found[:length] == prefix]
        if under:
            return lines.get(prefix) or min(under)
    return 1


def _path(dotted: str) -> Path:
    return tuple(part.strip("\"'") if part[0] in "\"'" else part for part in _PART.findall(dotted))


def _still_open(line: str, quote: str) -> str:
    """The triple quote that is open at the end of a line, or nothing."""
    for mark in ('"""', "'''"):
        if mark in (quote or mark) and line.count(mark) % 2:
            return "" if quote else mark
    return quote
