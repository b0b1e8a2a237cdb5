"""International bank account numbers: the country's length and the check digits have to hold."""

import re
from collections.abc import Iterator
from string import ascii_uppercase

from autotroph.govern.formats.signs import BLANK, BLANKS, DASH, DASHES, Span

_ACCOUNT_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29
ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20
LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29
PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20
YE30
"""
"""Countries and how long their account numbers are (ISO 13616, the IBAN registry)."""

_LENGTHS = {one[:2]: int(one[2:]) for one in _ACCOUNT_LENGTHS.split()}
_HEAD = re.compile(r"[0-9][0-9](?<=[A-Za-z]{2}..)(?<![A-Za-z0-9]....)", re.DOTALL)
_WHOLE = {
    length: re.compile(rf"(?:(?:{BLANK}|{DASH})?[A-Za-z0-9]){{{length}}}(?![A-Za-z0-9])")
    for length in set(_LENGTHS.values())
}
_BETWEEN = dict.fromkeys(map(ord, BLANKS + DASHES))
_NUMBERS = {ord(letter): str(number) for number, letter in enumerate(ascii_uppercase, 10)}
_LEAST_DIGITS = 6


def ibans(text: str) -> Iterator[Span]:
    """International bank account numbers, in one piece or in groups, whose length and check digits hold."""
    end = 0
    for head in _HEAD.finditer(text):
        start = head.start() - 2
        length = _LENGTHS.get(text[start : start + 2].upper())
        if start < end or length is None:
            continue
        whole = _WHOLE[length].match(text, start)
        if whole and _holds(whole[0]):
            end = whole.end()
            yield start, end


def _holds(written: str) -> bool:
    """ISO 7064, mod 97-10: the first four behind the others, letters as numbers from 10."""
    account = written.translate(_BETWEEN).upper()
    if sum(map(str.isdigit, account)) < _LEAST_DIGITS:
        return False
    return int((account[4:] + account[:4]).translate(_NUMBERS)) % 97 == 1
