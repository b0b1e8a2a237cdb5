"""The answer comes back in what the person writes next, changed: what it should have been."""

import re
from collections.abc import Iterable, Iterator

from rapidfuzz.distance import Indel

from autotroph.ingest.traffic.turns import LONGEST, Noted, Turn, pairs

KEPT = 0.55
"""So much of answer and text is in both, in its order: twice the words in both, over the words of both."""

SHORTEST = 8
"""Words of an answer of which it can be told that it was changed, and not said again by chance."""

WORDS = 3000
"""Words that are compared."""

BLOCKS = 12
"""Pieces of what was written that are looked at."""

_FENCED = re.compile(r"```[\w-]*\n(.*?)\n?```", re.DOTALL)
_QUOTED = re.compile(r"[“\"«„](.{20,}?)[”\"»“]", re.DOTALL)
_LEFT_OUT = re.compile(r"\s*(?:…|\.\.\.|\[…\]|\[\.\.\.\])\s*")
_EDGES = "“”\"'‘’«»„.,;:!?>"
_AFTER_COLON = re.compile(r":\s+")


def edited(turns: Iterable[Turn], wait: float) -> Iterator[Noted]:
    """What was written next holds most of the answer, and not as it was; with that text."""
    for turn, after in pairs(turns):
        if after is None or turn.error or not after.heard.asks or after.at > turn.answered + wait:
            continue
        written = after.heard.question
        if written != turn.heard.question and (text := edit_of(turn.output, written)):
            yield Noted(turn.decision, after.at, after.user, text)


def edit_of(answer: str, written: str) -> str:
    """The piece of what was written that is the answer, changed; empty if none is.

    >>> answer = "The meeting has been moved to Thursday at ten because two of us are away."
    >>> edit_of(answer, "Better: The meeting was moved to Thursday at ten, two of us are away.")
    'The meeting was moved to Thursday at ten, two of us are away.'
    >>> edit_of(answer, f"{answer} Translate that.")
    ''
    """
    words = answer[:LONGEST].split()[:WORDS]
    if len(words) < SHORTEST:
        return ""
    best, text = KEPT, ""
    for piece in dict.fromkeys(_pieces(written[:LONGEST])):
        its = piece.split()[:WORDS]
        kept = Indel.normalized_similarity(words, its, score_cutoff=best)
        if kept > best and not _as_it_was(words, its):
            best, text = kept, piece
        elif kept > best:
            return ""  # all or a part of the answer as it was, with something said about it
    return text


def _pieces(written: str) -> Iterator[str]:
    """What of it could be the text itself: all of it, and without what is said before it or after it."""
    written = written.strip()
    yield from (found.strip() for found in _FENCED.findall(written)[:BLOCKS])
    yield from (found.strip() for found in _QUOTED.findall(written)[:BLOCKS])
    lines = written.split("\n")
    for some in (lines, lines[1:], lines[:-1], lines[1:-1]):
        text = "\n".join(
            line.removeprefix(">").removeprefix(" ") if line[:1] == ">" else line for line in some
        )
        yield text.strip()
        if begins := _AFTER_COLON.search(text[:200]):
            yield text[begins.end() :].strip()
    yield from (block.strip() for block in written.split("\n\n")[:BLOCKS])


def _as_it_was(answer: list[str], piece: list[str]) -> bool:
    """Whether nothing in it was changed: it stands in the answer, or the answer stands in it.

    What was left out and marked with dots is no change, and neither is what stands around a word.
    """
    whole = _bare(answer)
    if whole in _bare(piece):
        return True
    return all(_bare(part.split()) in whole for part in _LEFT_OUT.split(" ".join(piece)))


def _bare(words: list[str]) -> str:
    bare = (word.strip(_EDGES) for word in words)
    return f" {' '.join(word for word in bare if word)} ".replace("  ", " ")
