"""Keys and tokens: how a provider's secrets begin, how long they are, and that they look drawn by lot."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from math import log2
from typing import NamedTuple

from autotroph.govern.formats.signs import Span

_LEAST_BITS = 3.0
_LEAST_DRAWN = 16


def aws_keys(text: str) -> Iterator[Span]:
    """Amazon's access keys, the only ones that may well be without any digit."""
    if "AKIA" in text or "ASIA" in text:
        yield from (found.span() for found in _AWS.finditer(text))


def keys(text: str) -> Iterator[Span]:
    """Keys and tokens of well-known forms, and private keys."""
    spans = [span for form in _FORMS if form.sign in text for span in _of_form(form, text)]
    if _BEGIN in text:
        spans += _private_keys(text)
    yield from _joined(spans)


class _Form(NamedTuple):
    """A provider's form: something that is in every text with such a key, its pattern, and one more check.

    A pattern may not be able to begin again within what it has read in vain, or a text of nothing but
    beginnings takes time in proportion to its square. The secret is the group `key`, or all of it.
    """

    sign: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] = bool


def _of_form(form: _Form, text: str) -> Iterator[Span]:
    secret = "key" if form.pattern.groups else 0
    for found in form.pattern.finditer(text):
        if form.check(found[secret]):
            yield found.span(secret)


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """In order, those that overlap as one."""
    begin = end = -1
    for start, stop in sorted(spans):
        if start >= end:
            if end > 0:
                yield begin, end
            begin, end = start, stop
        end = max(end, stop)
    if end > 0:
        yield begin, end


def _numbered(token: str) -> bool:
    return any(map(str.isdigit, token))


def _drawn(token: str) -> bool:
    """Whether a part looks drawn by lot: long, with digits among letters, and hardly repeating itself."""
    return any(map(_looks_drawn, re.split(r"[^A-Za-z0-9]", token)))


def _drawn_together(token: str) -> bool:
    """The same, where dots and dashes are among the signs that are drawn."""
    return _looks_drawn(re.sub(r"[^A-Za-z0-9]", "", token))


def _looks_drawn(part: str) -> bool:
    if len(part) < _LEAST_DRAWN or part.isalpha() or part.isdigit():
        return False
    shares = [count / len(part) for count in Counter(part).values()]
    return -sum(share * log2(share) for share in shares) >= _LEAST_BITS


def _web_token(token: str) -> bool:
    """Whether it has a head and claims; signed or not, or sealed."""
    head, *rest = token.split(".")
    return len(head) >= _LEAST_DRAWN and (len(rest) > 1 or (len(rest) == 1 and rest[0].startswith("eyJ")))


_ALONE = r"(?<![A-Za-z0-9])"
_AWS = re.compile(_ALONE + r"A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9])")
_BEARER = r"[\s:=]{1,4}+(?P<key>[A-Za-z0-9._~+/-]{16,}+=*+)"

_FORMS = (
    _Form("sk-", re.compile(_ALONE + r"sk-[A-Za-z0-9_-]{16,}+"), _drawn),  # OpenAI, and who followed it
    _Form("k_live_", re.compile(_ALONE + r"[prs]k_live_[A-Za-z0-9]{16,}+")),  # Stripe
    _Form("k_test_", re.compile(_ALONE + r"[prs]k_test_[A-Za-z0-9]{16,}+")),
    _Form("gh", re.compile(_ALONE + r"gh[oprsu]_[A-Za-z0-9]{36,}+")),  # GitHub
    _Form("github_pat_", re.compile(_ALONE + r"github_pat_[A-Za-z0-9_]{22,}+")),
    _Form("glpat-", re.compile(_ALONE + r"glpat-[A-Za-z0-9_-]{20,}+"), _numbered),  # GitLab
    _Form("xox", re.compile(_ALONE + r"xox[abeprs]-[A-Za-z0-9-]{10,}+"), _numbered),  # Slack
    _Form("xapp-", re.compile(_ALONE + r"xapp-[A-Za-z0-9-]{20,}+"), _numbered),
    _Form("AIza", re.compile(_ALONE + r"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])")),  # Google
    _Form("hf_", re.compile(_ALONE + r"hf_[A-Za-z0-9]{30,}+")),  # Hugging Face
    _Form("npm_", re.compile(_ALONE + r"npm_[A-Za-z0-9]{36,}+")),
    _Form("pypi-", re.compile(_ALONE + r"pypi-[A-Za-z0-9_-]{50,}+")),
    _Form("ak_", re.compile(_ALONE + r"ak_[A-Za-z0-9]{4,32}_[A-Za-z0-9_-]{22,}+")),  # autotroph's own
    _Form("eyJ", re.compile(r"eyJ[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]++)*+"), _web_token),
    _Form("earer", re.compile(rf"\b[Bb]earer{_BEARER}"), _drawn_together),
    _Form("EARER", re.compile(rf"\bBEARER{_BEARER}"), _drawn_together),
)

_BEGIN = "-----BEGIN "
_NAME = r"(?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_HEAD, _TAIL = re.compile(_BEGIN + _NAME), re.compile("-----END " + _NAME)
_LINES = re.compile(r"(?:[\s\\]*+[A-Za-z0-9+/=]{16,}+)*+")


def _private_keys(text: str) -> Iterator[Span]:
    """PEM blocks with a private key; where the end is missing, all lines that can belong to one."""
    tails = [tail.end() for tail in _TAIL.finditer(text)]
    tails.reverse()
    end = 0
    for head in _HEAD.finditer(text):
        if head.start() < end:
            continue
        while tails and tails[-1] < head.end():
            tails.pop()
        lines = _LINES.match(text, head.end())
        end = tails[-1] if tails else lines.end() if lines else head.end()
        yield head.start(), end
