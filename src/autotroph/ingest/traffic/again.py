"""The same was asked again: as it was (regenerate), or in other words (rephrase)."""

import re
from collections.abc import Iterable, Iterator

from autotroph.ingest.traffic.turns import Noted, Turn, pairs
from autotroph.ingest.traffic.wording import in_common, plain, sense

READ = 1.0
"""Seconds after an answer before which nobody has read it: a program asks several times, or tries again."""

SAME = 0.67
"""So many of the words that mean something are in both: twice those, over the words of both."""

WITHIN = 0.5
"""As much where every word of the shorter question is in the longer one."""

CORRECTED = 0.3
"""As much where the person says that it is a correction."""

_CORRECTION = re.compile(
    r"(?:no|nope|sorry|again|actually|wrong|nein|falsch|nochmal|noch einmal|non|encore|otra vez|nee)\b[,.:;!]"
    r"|(?:(?:sorry|no|non|nein),? )?(?:i meant?|i was asking|ich meint?e|je voulais dire|quiero decir)\b"
    r"|(?:that|this)(?:'s| is| was)n?(?:'t| not)? (?:not )?what i (?:asked|meant|wanted)\b"
    r"|das (?:war|ist) nicht (?:meine frage|was ich)"
)


def regenerated(turns: Iterable[Turn], wait: float) -> Iterator[Noted]:
    """The same conversation, up to the same question, is sent again once the answer could be read."""
    for turn, after in _next(turns, wait):
        if after.heard.whole == turn.heard.whole and _thread(after) == _thread(turn) and _said(turn):
            yield Noted(turn.decision, after.at, after.user)


def rephrased(turns: Iterable[Turn], wait: float) -> Iterator[Noted]:
    """The next question says nearly the same as the last one."""
    for turn, after in _next(turns, wait):
        if after.heard.question != turn.heard.question and _nearly(turn, after):
            yield Noted(turn.decision, after.at, after.user)


def asked_again(turns: Iterable[Turn], wait: float) -> frozenset[str]:
    """The calls in which something was asked again, one way or the other."""
    found = list(turns)
    again = {one.decision for way in (regenerated, rephrased) for one in way(found, wait)}
    return frozenset(
        after.decision for turn, after in pairs(found) if after is not None and turn.decision in again
    )


def _next(turns: Iterable[Turn], wait: float) -> Iterator[tuple[Turn, Turn]]:
    """Answers that somebody has read, with what that person said next, in time."""
    for turn, after in pairs(turns):
        if after is None or turn.error or not after.heard.asks:
            continue
        if turn.user and after.user and turn.user != after.user:  # several people share the session
            continue
        if turn.answered + READ <= after.at <= turn.answered + wait:
            yield turn, after


def _said(turn: Turn) -> bool:
    """Whether it is more than a greeting: who opens a page twice greets twice."""
    return turn.heard.questions > 1 or bool(sense(turn.heard.question))


def _nearly(turn: Turn, after: Turn) -> bool:
    before, rest = turn.heard.question, after.heard.question
    corrects = _CORRECTION.match(plain(rest).lstrip(" *_>-"))
    if corrects:
        rest = plain(rest)[corrects.end() :]
    mine, theirs = sense(before), sense(rest)
    common, fewest = in_common(mine, theirs), min(len(mine), len(theirs))
    if not common:
        return False
    alike = 2 * common / (len(mine) + len(theirs))
    if corrects:
        return alike >= CORRECTED
    return fewest > 1 and alike >= (WITHIN if common == fewest else SAME)


def _thread(turn: Turn) -> object:
    """Where what was said before is kept for the caller, whom it belongs to."""
    return turn.request.get("previous_response_id") or turn.request.get("conversation")
