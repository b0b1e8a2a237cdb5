r"""Cuts source text of any programming language into tokens, losing nothing.

Hindle, Barr, Su, Gabel and Devanbu, "On the naturalness of software" (ICSE 2012), section 3: source code,
cut into its lexemes, is repetitive enough for n-grams. One space before a lexeme belongs to it, and a newline
keeps the indentation that follows it, so that an n-gram reaches as far back as it can.

>>> lex("if a:\n    b += 1")
['if', ' a', ':', '\n    ', 'b', ' +=', ' 1']
"""

import re
from itertools import accumulate

_WORD = r"[^\W\d]\w{0,63}"
_NUMBER = r"\d\w{0,63}(?:\.\d\w{0,63})?"
_OPERATOR = (
    r"\.\.\.|===|!==|<<=|>>=|\*\*=|//=|\"\"\"|\'\'\'"
    r"|[-+*/%&|^=!<>:]=|->|=>|<-|::|&&|\|\||\+\+|--|<<|>>|\*\*|//|/\*|\*/|\.\."
)
_TOKEN = re.compile(
    rf"\n[ \t]{{0,80}}| ?(?:{_WORD}|{_NUMBER}|{_OPERATOR}|[^\w\s])|[ \t]{{1,80}}|.", re.DOTALL
)
_BLANK = re.compile(r"\s*")


def lex(text: str) -> list[str]:
    r"""Cuts `text` into tokens whose concatenation is `text`.

    >>> "".join(lex("x\r\n\ty = '…'\n")) == "x\r\n\ty = '…'\n"
    True
    """
    return _TOKEN.findall(text)


def boundaries(line: str) -> list[int]:
    """Offsets in `line` at which a token begins, from the first one after the indentation.

    >>> boundaries("    b += 1")
    [4, 5, 8]
    """
    blank = _BLANK.match(line)
    start = blank.end() if blank else 0
    ends = accumulate((len(token) for token in lex(line[start:])), initial=start)
    return [offset for offset in ends if offset < len(line)]
