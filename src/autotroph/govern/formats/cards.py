"""Payment card numbers: some issuer's beginning and length, and Luhn's check sum, have to hold."""

import re
from bisect import bisect
from collections.abc import Iterator, Sequence

from autotroph.govern.formats.signs import BLANK, BLANKS, DASH, DASHES, Span

_BETWEEN = rf"(?:{BLANK}?{DASH}{BLANK}?|{BLANK}|(?<=[0-9]{{4}})\.(?=[0-9]{{4}}(?![0-9])))"
_NUMBER = re.compile(rf"[0-9](?<![0-9][0-9])(?<![0-9]\.[0-9])(?:{_BETWEEN}?[0-9]){{12,}}+")
_NEAR = re.compile(rf"[0-9][0-9{DASHES}{BLANKS}.]{{12,}}+")
_GROUP = re.compile(r"[0-9]+")
_SIXTEEN, _DINERS, _MAESTRO, _LONG = (16,), (14, 16), (16, 18, 19), (16, 17, 18, 19)
_ISSUERS = (
    (220000, 220499, (16, 19)),  # Mir
    (222100, 272099, _SIXTEEN),
    (300000, 305999, _DINERS),  # Diners Club
    (309500, 309599, _DINERS),
    (340000, 349999, (15,)),  # American Express
    (352800, 358999, _SIXTEEN),  # JCB
    (360000, 369999, _DINERS),
    (370000, 379999, (15,)),
    (380000, 399999, _DINERS),
    (400000, 499999, (13, 16, 19)),  # Visa
    (500000, 509999, _MAESTRO),  # Maestro, Verve, Elo
    (510000, 559999, _SIXTEEN),  # Mastercard
    (560000, 589999, _MAESTRO),
    (600000, 600999, _SIXTEEN),  # RuPay
    (601100, 601199, (16, 19)),  # Discover
    (608000, 608999, _SIXTEEN),
    (620000, 629999, _LONG),  # UnionPay
    (630000, 639999, _MAESTRO),  # Maestro
    (644000, 659999, (16, 19)),
    (670000, 679999, _MAESTRO),
    (979200, 979289, _SIXTEEN),  # Troy
)
"""From which six digits on to which an issuer's cards begin, and how many digits they have; in order."""

_FIRST = [first for first, _, _ in _ISSUERS]

_SHORTEST_CARD, _LONGEST_CARD = 13, 19
_GROUPS = frozenset(
    [(size,) for size in range(_SHORTEST_CARD, _LONGEST_CARD + 1)]
    + [(4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4)]
)
"""In what groups numbers are written, so that other numbers may stand beside them."""

_COUNTS = sorted({len(form) for form in _GROUPS})
_BEGINNINGS = frozenset(form[0] for form in _GROUPS)
_DOUBLED = str.maketrans("0123456789", "0246813579")


def cards(text: str) -> Iterator[Span]:
    """Payment card numbers: digits in one piece or in groups, that some issuer uses and Luhn's sum allows."""
    for near in _NEAR.finditer(text):
        for run in _NUMBER.finditer(text, *near.span()):
            yield from _cards_of(text, [group.span() for group in _GROUP.finditer(text, *run.span())])


def _cards_of(text: str, groups: Sequence[Span]) -> Iterator[Span]:
    """The cards in a row of groups; where none is grouped as usual, all of them may be one, spelled out."""
    end = 0
    for first in range(len(groups)):
        size = _card_at(text, groups, first) if first >= end else 0
        if size:
            end = first + size
            yield groups[first][0], groups[end - 1][1]
    if not end and len(groups) <= _LONGEST_CARD and _is_card(text, groups):
        yield groups[0][0], groups[-1][1]


def _card_at(text: str, groups: Sequence[Span], first: int) -> int:
    """How many groups from one on are a card, grouped as usual."""
    if groups[first][1] - groups[first][0] not in _BEGINNINGS:
        return 0
    for count in _COUNTS:
        some = groups[first : first + count]
        if tuple([end - start for start, end in some]) in _GROUPS and _is_card(text, some):
            return count
    return 0


def _is_card(text: str, groups: Sequence[Span]) -> bool:
    """Whether the digits are some issuer's, and not from the middle of a word, as in a digest."""
    digits = "".join([text[start:end] for start, end in groups])
    if not _SHORTEST_CARD <= len(digits) <= _LONGEST_CARD:
        return False
    if text[groups[0][0] - 1 : groups[0][0]].isalpha() and text[groups[-1][1] : groups[-1][1] + 1].isalpha():
        return False
    return _is_issued(digits) and _luhn(digits) and not _is_article(digits)


def _is_issued(digits: str) -> bool:
    beginning = int(digits[:6])
    _, last, lengths = _ISSUERS[bisect(_FIRST, beginning) - 1]
    return _FIRST[0] <= beginning <= last and len(digits) in lengths


def _luhn(digits: str) -> bool:
    """The check sum of ISO/IEC 7812: every second digit from the right counts double, its digits summed."""
    return sum(map(int, digits[::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def _is_article(digits: str) -> bool:
    """Whether thirteen digits are an article's (EAN), of which there are many more than such short cards."""
    return len(digits) == _SHORTEST_CARD and sum(map(int, digits[::2] + 3 * digits[1::2])) % 10 == 0
