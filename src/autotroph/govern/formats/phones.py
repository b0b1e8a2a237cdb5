"""Telephone numbers, as people write them to the world and at home.

They have no check digit, so what counts is how they are written: with a plus and a country's code, with
the zero that leads out of town, with an area in brackets, in groups that are usual somewhere, or after a
word that announces them. Dates, prices, versions, book numbers and addresses of machines are left alone.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from autotroph.govern.formats.signs import BLANK, BLANKS, DASHES, Span

_RUN = re.compile(rf"[0-9][0-9{DASHES}{BLANKS}()./]{{6,}}+")
_DIGITS = re.compile(r"[0-9]+")
_GAPS = frozenset(
    [*BLANKS, ".", "(", ")", " (", ")/", "/(", "-("]
    + [f"{left}{dash}{right}" for left in ("", " ", ")") for dash in f"{DASHES}/" for right in ("", " ")]
    + [f"){blank}" for blank in BLANKS]
)
_ENDING = f"{BLANKS}.()-"
_MOST_GROUPS = 8
_PLUS = ("+", "\uff0b")
_BRACKETED_PLUS = ("+(", "(+")
_NOT_AFTER = re.compile(r"(?:[\w#@$€£¥+\uff0b]|[0-9][.,:]|\w[-/=_])\Z")
_NOT_BEFORE = re.compile(rf"\w|[.,:/-][0-9]|{BLANK}?[%€$£¥]")


class _Group(NamedTuple):
    """Digits in one piece, and what stands between them and the group before: nothing, if that is far off."""

    start: int
    end: int
    gap: str
    digits: str


class _Row(NamedTuple):
    """Groups that stand near each other; a number is looked for that begins with the first."""

    text: str
    groups: Sequence[_Group]

    def digits(self, size: int) -> str:
        """Those of so many groups."""
        return "".join([group.digits for group in self.groups[:size]])

    def written(self, size: int) -> str:
        """So many groups with what stands between them."""
        return self.text[self.groups[0].start : self.groups[size - 1].end]

    def lengths(self, size: int) -> tuple[int, ...]:
        """How many digits each of so many groups has."""
        return tuple([len(group.digits) for group in self.groups[:size]])

    def closes(self, size: int) -> bool:
        """Whether nothing comes right after so many groups that makes another number of them."""
        return not _NOT_BEFORE.match(self.text, self.groups[size - 1].end)

    def before(self, count: int) -> str:
        """The signs before the first group."""
        start = self.groups[0].start
        return self.text[max(0, start - count) : start]


class _Way(NamedTuple):
    """A way to write numbers: how many digits they have, and whether so many groups of a row are one."""

    digits: range
    fits: Callable[[_Row, int], bool]


def phones(text: str) -> Iterator[Span]:
    """Telephone numbers."""
    for run in _RUN.finditer(text):
        if _DATE.fullmatch(run[0].rstrip(_ENDING)):
            continue
        groups = list(_groups(text, run.span()))
        digits = sum([len(group.digits) for group in groups])
        size = _introduced(_Row(text, groups[:_MOST_GROUPS])) if digits >= _ENOUGH.digits.start else 0
        if size or digits >= _ZERO_DIGITS.start:
            yield from _phones_of(text, groups, size)


def _phones_of(text: str, groups: Sequence[_Group], size: int) -> Iterator[Span]:
    """Numbers in a run of digits and what stands between; the first has so many groups, if it is known."""
    at, follows = 0, False
    while at < len(groups):
        if not (size or follows or _may_begin(groups[at])):
            at += 1
            continue
        row = _Row(text, groups[at : at + _MOST_GROUPS])
        size = size or _bare(row, follows=follows)
        if size:
            yield _begin(row, size), row.groups[size - 1].end
        at += size or 1
        follows, size = size > 0, 0


def _may_begin(group: _Group) -> bool:
    """Whether a number may begin here: far from others, or with a zero and a blank before."""
    return not group.gap or (group.gap in BLANKS and _OUT_OF_TOWN.fullmatch(group.digits) is not None)


def _groups(text: str, run: Span) -> Iterator[_Group]:
    last = run[0]
    for found in _DIGITS.finditer(text, *run):
        start, end = found.span()
        gap = text[last:start]
        yield _Group(start, end, gap if gap in _GAPS else "", found[0])
        last = end


def _begin(row: _Row, size: int) -> int:
    """Where the number begins, with its plus, and with its bracket if that is closed within."""
    start, written = row.groups[0].start, row.written(size)
    open_ = written.count(")") - written.count("(")
    for sign in reversed(row.before(2)):
        if sign == "(":
            open_ -= 1
        if open_ < 0 or sign not in (*_PLUS, "("):
            break
        start -= 1
    return start


def _introduced(row: _Row) -> int:
    """How many groups are a number after a plus, or after a word that says so."""
    before = row.before(2)
    if before.endswith(_PLUS) or before in _BRACKETED_PLUS:
        return _largest(row, _WITH_PLUS)
    return (_bare(row) or _largest(row, _ENOUGH)) if _WORD.search(row.before(_NEARBY)) else 0


def _bare(row: _Row, *, follows: bool = False) -> int:
    """How many groups are a number by themselves; `follows` says that one stands right before."""
    first = row.groups[0]
    zero = first.digits[0] == "0"
    if first.gap and not follows:
        return _largest(row, _AMONG_NUMBERS)
    if not first.gap and _NOT_AFTER.search(row.before(3).rstrip("(")):
        return 0
    ways = _WITH_ZERO if zero else _WITH_AREA if row.before(1) == "(" else _USUAL
    return next(filter(None, (_largest(row, way) for way in ways)), 0)


def _largest(row: _Row, way: _Way) -> int:
    """The most groups that are a number in this way; 0 if none are."""
    totals = [len(row.groups[0].digits)]
    for group in row.groups[1:]:
        if not group.gap:
            break
        totals.append(totals[-1] + len(group.digits))
    fits = (size for size in range(len(totals), 0, -1) if totals[size - 1] in way.digits)
    return next((size for size in fits if way.fits(row, size)), 0)


_CODE = re.compile(
    r"1|7|2(?:[07]|1[12368]|[2346]\d|5[0-8]|9[01789])|3(?:[0-469]|[57]\d|8[0-35-79])|4(?:[013-9]|2[013])"
    r"|5(?:[09]\d|[1-8])|6(?:[0-6]|7[02-9]|8[0-35-9]|9[0-2])|8(?:[1246]|[08]0|08|5[02356]|7[08]|8[1-368])"
    r"|9(?:[0-58]|6[0-8]|7\d|9[2-68])"
)
"""The codes of countries and networks (ITU-T E.164)."""

_ELEVEN = re.compile(r"1[2-9][0-9]{9}|7[0-9]{10}")
"""North America's and Russia's codes, whose numbers are always as long."""

_GOES_ON = re.compile(r"\w|:[0-9]")
_THOUSANDS = re.compile(rf"[0-9]{{1,3}}(?:{BLANK}[0-9]{{3}}){{1,2}}")


def _in_the_world(digits: str) -> bool:
    if digits.startswith(("1", "7")):
        return _ELEVEN.fullmatch(digits) is not None
    return _CODE.match(digits) is not None


def _is_with_plus(row: _Row, size: int) -> bool:
    """+49 30 901820; more money than before is no number: +25 000 000."""
    if size > 1 and _THOUSANDS.fullmatch(row.written(size)):
        return False
    return not _GOES_ON.match(row.text, row.groups[size - 1].end) and _in_the_world(row.digits(size))


_LONGEST_PIECE = 15
_DIALLED = re.compile(r"00(?!0)|011$")


def _is_dialled(row: _Row, size: int) -> bool:
    """0049 30 901820, and 011 49 30 901820 from America."""
    prefix = _DIALLED.match(row.groups[0].digits)
    if size == 1 and len(row.digits(1)) > _LONGEST_PIECE:
        return False
    return prefix is not None and row.closes(size) and _in_the_world(row.digits(size)[prefix.end() :])


_OUT_OF_TOWN = re.compile(r"0[1-9][0-9]{0,5}")
_IN_ONE_PIECE = re.compile(r"0[1-9][0-9]{8,9}")
_PAIRS = (2, 2, 2, 2, 2)


def _is_with_zero(row: _Row, size: int) -> bool:
    """030 901820, 07700 900123, 01 23 45 67 89."""
    if size == 1:
        digits = row.groups[0].digits
        return _IN_ONE_PIECE.fullmatch(digits) is not None and not _is_book(digits) and row.closes(1)
    if not _OUT_OF_TOWN.fullmatch(row.groups[0].digits) or not row.closes(size):
        return False
    lengths = row.lengths(size)
    return lengths == _PAIRS or not (_is_other(row, size) or _is_two(row, size) or _is_table(row, size))


def _is_two(row: _Row, size: int) -> bool:
    """Whether a second number with a zero begins within: 030 901820 030 901821."""
    return any(
        row.groups[at].digits[0] == "0" and len(row.digits(at)) in _ZERO_DIGITS for at in range(2, size)
    )


def _is_table(row: _Row, size: int) -> bool:
    """Whether groups of one length go on after it: 0202 5240 7701 3886."""
    lengths = row.lengths(size + 1)
    return len(lengths) > max(size, 2) and len(set(lengths)) == 1 and row.groups[size].gap != ""


def _is_book(digits: str) -> bool:
    """Whether ten digits have the check digit of an ISBN; an X is none."""
    if len(digits) != len("0306406152"):
        return False
    return sum(place * int(digit) for place, digit in enumerate(reversed(digits), 1)) % 11 == 0


def _is_among_numbers(row: _Row, size: int) -> bool:
    """As with a zero, behind other numbers, such as a date: not in a table of short ones."""
    return size > 1 and max(row.lengths(size)) > 4 and _is_with_zero(row, size)


_AREA = re.compile(r"(?!19[0-9]{2}|20[0-9]{2})[1-9][0-9]{1,4}")


def _is_with_area(row: _Row, size: int) -> bool:
    """(212) 555-0123, (11) 91234-5678."""
    if size == 1 or not row.groups[1].gap.startswith(")") or not row.closes(size):
        return False
    return _AREA.fullmatch(row.groups[0].digits) is not None


_HOME_FORMS = {
    (3, 3, 4): re.compile(r"[2-9][0-9]{9}"),  # North America
    (1, 3, 3, 4): re.compile(r"1[2-9][0-9]{9}"),
    (3, 4, 4): re.compile(r"1[3-9][0-9]{9}"),  # China's mobiles
    (1, 3, 3, 2, 2): re.compile(r"8[3-9][0-9]{9}"),  # Russia
}


def _is_usual(row: _Row, size: int) -> bool:
    """212-555-0123, 138 1234 5678; with nothing but blanks between, only if no more numbers follow."""
    form = _HOME_FORMS.get(row.lengths(size))
    if form is None or not row.closes(size) or not form.fullmatch(row.digits(size)):
        return False
    gaps = {group.gap for group in row.groups[1:size]}
    if "." in gaps:
        return len(gaps) == 1
    alone = size == len(row.groups) or not row.groups[size].gap
    return alone or not gaps <= set(BLANKS)


_YEAR, _MONTH, _DAY = "(?:19|20)[0-9]{2}", "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])"
_DATE = re.compile(
    rf"(?:{_YEAR}[-./ ]?(?:0[1-9]|1[0-2])[-./ ]?(?:0[1-9]|[12][0-9]|3[01])|{_YEAR}[-./ ]{_YEAR}"
    rf"|{_MONTH}[./]{_YEAR}|{_DAY}([-./]){_MONTH}\1(?:19|20)?[0-9]{{2}}|{_MONTH}([-./]){_DAY}\2(?:19|20)?[0-9]{{2}})"
    r"(?![0-9])"
)
_POST_CODE = re.compile(r"[0-9]{5}-[0-9]{4}")
_MACHINE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


def _is_other(row: _Row, size: int) -> bool:
    """Dates, addresses of machines, American post codes, and ranges of numbers as long: 01067–01069."""
    written = row.written(size)
    if _DATE.match(written) or _MACHINE.match(written) or _POST_CODE.fullmatch(written):
        return True
    halves = [group.digits for group in row.groups[:size]]
    return len(halves) == len(("from", "to")) and halves[1][0] == "0" and len(halves[0]) == len(halves[1])


_WORD = re.compile(
    r"(?:\b(?:tel|telephone|telefono?|teléfono|telefoon|téléphone|tlf|telefonn(?:ummer|r)|phone|mobile?|móvil"
    r"|celular|handy(?:nummer)?|cell(?:phone)?|(?:tele)?fax|whats ?app|sms|rufnummer"
    r"|(?:call|ring|text|phone) (?:me|us|him|her))\b|电话|手机|電話|携帯|телефон|☎|📞|📱)"
    r"""(?:[\s:.,;="'’()\[\]>\ufe0f-]|\b(?:number|no|nr|nummer|is|ist|at|on|unter|est|es|al|n[uú]mero)\b)*+$""",
    re.IGNORECASE,
)
_NEARBY = 32


def _is_enough(row: _Row, size: int) -> bool:
    """Any digits, after a word that announces them."""
    return row.closes(size) and not _is_other(row, size)


_ZERO_DIGITS = range(9, 13)
_WITH_PLUS = _Way(range(8, 17), _is_with_plus)  # E.164 has 15; some write the zero of home behind the code
_WITH_ZERO = (_Way(range(12, 19), _is_dialled), _Way(_ZERO_DIGITS, _is_with_zero))
_AMONG_NUMBERS = _Way(_ZERO_DIGITS, _is_among_numbers)
_USUAL = (_Way(range(10, 12), _is_usual),)
_WITH_AREA = (_Way(range(10, 12), _is_with_area), *_USUAL)
_ENOUGH = _Way(range(7, 16), _is_enough)
