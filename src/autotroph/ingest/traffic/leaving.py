"""Nobody came back, though something was open: the answer asked something, or had been asked for again."""

import re
from collections.abc import Iterable, Iterator

from autotroph.ingest.traffic.again import asked_again
from autotroph.ingest.traffic.turns import Noted, Turn, pairs
from autotroph.ingest.traffic.wording import plain

ENDING = 300
"""Characters at the end of an answer in which it asks something."""

_COURTESY = re.compile(
    r"(?:how|what) about|wie ware|was haltst|et si |que tal|does (?:that|this) help"
    r"|(?:anything|something|what|how) (?:else )?(?:\w+ ){0,4}(?:help|assist|else|do for you)"
    r"|(?:did|does|is) (?:that|this) (?:answer|clear|helpful|what you)|let me know|make sense"
    r"|(?:shall|should) i |(?:would you like|want) me to |need anything|(?:other|more|further) questions"
    r"|kann ich (?:sonst|noch|dir|ihnen)|noch etwas|noch fragen|hilft (?:dir|ihnen|das)|soll ich"
    r"|autre chose|puis-je|algo mas|en que (?:mas )?puedo|qualcos'altro|posso aiutar|verder helpen"
)
"""Questions that are asked to be polite: who does not answer them leaves nothing open."""

_SENTENCE = re.compile(r"(?<=[.!?:\n])\s+")


def abandoned(turns: Iterable[Turn], wait: float) -> Iterator[Noted]:
    """No call of the conversation came within the time, and something was open."""
    found = list(turns)
    again = asked_again(found, wait)
    for turn, after in pairs(found):
        if turn.error or not turn.chain or (after is not None and after.at <= turn.answered + wait):
            continue
        if turn.decision in again or asks_back(turn.output):
            yield Noted(turn.decision, turn.answered + wait, turn.user)


def asks_back(answer: str) -> bool:
    """Whether an answer needs one: a question in its last two sentences that is no courtesy.

    >>> asks_back("Gladly. Which account is it about?"), asks_back("Done. Can I do anything else?")
    (True, False)
    """
    ending = plain(answer.rstrip()[-ENDING:])
    return any(
        one.rstrip(' *_)"”»').endswith("?") and not _COURTESY.search(one)
        for one in _SENTENCE.split(ending)[-2:]
    )
