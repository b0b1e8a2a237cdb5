"""E-mail addresses, as people write them."""

import re
from collections.abc import Iterator

from autotroph.govern.formats.signs import Span

_AT = re.compile("@|\uff20|%40")
_IDEOGRAPHS = "\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
_NEVER = (
    r"\s\x00-$(),/:-@\[-^`{-\xbf\u2000-\u206f\u2e00-\u2e7f\u3000-\u3020\uff00-\uff20"
    r"\uff3b-\uff40\uff5b-\uff65"
)
"""Signs that are in no address; anything but these, because letters of many scripts come with marks."""

_LOCAL_BACKWARDS = re.compile(rf'[^{_NEVER}{_IDEOGRAPHS}]+|[^{_NEVER}]+|"[^"\n]{{1,62}}"')
_DOMAIN = re.compile(rf"[^{_NEVER}%&'*+]+")
_TOP = re.compile(
    rf"(?:[Xx][Nn]--[A-Za-z0-9-]*[A-Za-z0-9]|[A-Za-z]{{2,63}}|[^\W\d_a-zA-Z][^\x00-\x7f{_NEVER}]+)"
)
_VERSION = re.compile(r"v?\d+\.\d+\.")
_PICTURE = re.compile(r"\dx\.[a-z]{3,4}$", re.IGNORECASE)


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses as people write them, in any script; also with the at sign of a URL, %40."""
    if "@" not in text and "%40" not in text and "\uff20" not in text:
        return
    before = 0
    for at in _AT.finditer(text):
        start = _local_start(text, before, at.start())
        end = _domain_end(text, at.end())
        before = at.end()
        if start < at.start() and end:
            yield start, end
            before = end


def _local_start(text: str, after: int, at: int) -> int:
    """Where the part before an at sign begins; ideographs belong to it only if it ends with one."""
    local = _LOCAL_BACKWARDS.match(text[after:at][::-1])
    return at - len(local[0][::-1].lstrip("%&'*+-.")) if local else at


def _domain_end(text: str, start: int) -> int:
    """Where a domain ends that begins here; 0 if there is none. A dot that ends a sentence is not of it."""
    domain = _DOMAIN.match(text, start)
    if not domain or _VERSION.match(domain[0]) or _PICTURE.match(domain[0]):
        return 0
    labels = domain[0].partition("..")[0].split(".")
    if not labels[0].strip("-_"):
        return 0
    ends = [start - 1]
    for label in labels:
        ends.append(ends[-1] + 1 + len(label))
    for place in range(len(labels) - 1, 0, -1):
        top = _TOP.match(labels[place])
        if top:
            return ends[place] + 1 + top.end()
    return 0
