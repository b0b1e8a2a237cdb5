"""Which token comes next: nested n-gram counts of a language, a project and a file.

Hellendoorn and Devanbu, "Are deep neural networks the best choice for modeling source code?" (ESEC/FSE 2017),
section 3: counts that are cheap to update, nested from the general to the local, smoothed after Witten and
Bell, beat recurrent networks on code. Here `Base` counts a corpus once, and a `Log` keeps what a project or a
file says, in the order in which it was said, so that a model of the project as of any earlier moment is the
same log, read up to a position.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autotroph.demo.lexer import lex

ORDER = 8  # tokens of context
BASE_ORDER = 6
END = "\n"  # every newline, whatever indentation follows, is this one target
_FOLLOWERS = 16  # the most frequent continuations that the base keeps for a context
_ROWS = 1 << 16  # looked-up contexts that are kept at hand
_TOKEN_BITS = 20
_MULTIPLIER = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_RECENT = {1: 128, 2: 160, 4: 160}  # how many of the most recent places of a context are read

# occurrences, distinct continuations, the most frequent of them
Followers = tuple[int, int, tuple[tuple[str, int], ...]]


class Prediction(NamedTuple):
    """The most probable next token, or the one asked about, and what speaks for it."""

    token: str
    probability: float
    rival: float  # the probability of the best other token
    end: float
    orders: tuple[int, int, int]  # the longest context after which base, project and file had this token
    counts: tuple[int, int]  # how often project and file had it after any context of at least two tokens


def target(token: str) -> str:
    """What has to be predicted for `token`: itself, or the end of the line."""
    return END if token[0] in "\r\n" else token


class Base:
    r"""Counts over a fixed corpus, in sorted arrays.

    >>> base = Base(["for i in range(3):\n"] * 2)
    >>> base.followers(["for", " i"])[2]
    (2, 1, ((' in', 2),))
    """

    def __init__(self, texts: Iterable[str]) -> None:
        ids: defaultdict[str, int] = defaultdict(count(1).__next__)
        ids[END], stream = 1, [0]
        ids.default_factory = count(2).__next__
        for text in texts:
            stream.extend(map(ids.__getitem__, lex(text)))
            stream.append(0)
        self.ids = {token: number for token, number in ids.items() if number < 1 << _TOKEN_BITS}
        self.tokens = ["", *self.ids]
        array = np.array(stream, dtype=np.uint64)
        array[array >= 1 << _TOKEN_BITS] = 0
        self._tables = _tables(array, self._targets())
        self._rows: dict[tuple[int, int], Followers] = {}

    def _targets(self) -> NDArray[np.uint64]:
        """For each id the id of what has to be predicted for it."""
        ends = (1 if token and target(token) == END else number for number, token in enumerate(self.tokens))
        return np.fromiter(ends, dtype=np.uint64)

    def followers(self, context: Sequence[str]) -> list[Followers]:
        """What follows the last 0, 1, 2, ... tokens of `context`; stops at the first length never seen."""
        found = [self._row(0, 0)]
        key = 0
        for length in range(1, min(BASE_ORDER, len(context)) + 1):
            number = self.ids.get(context[-length], 0)
            key = ((key + number + 1) * _MULTIPLIER) & _MASK
            key ^= key >> 29
            row = self._row(length, key >> _TOKEN_BITS)
            if not number or not row[0]:
                break
            found.append(row)
        return found

    def _row(self, length: int, key: int) -> Followers:
        row = self._rows.get((length, key))
        if row is None:
            if len(self._rows) >= _ROWS:
                self._rows.clear()
            row = self._rows[length, key] = self._read(self._tables[length], key)
        return row

    def _read(self, table: "_Table", key: int) -> Followers:
        at = int(table.keys.searchsorted(np.uint64(key)))
        if at == len(table.keys) or int(table.keys[at]) != key:
            return (0, 0, ())
        span = slice(int(table.starts[at]), int(table.starts[at + 1]))
        pairs = zip(table.tokens[span].tolist(), table.counts[span].tolist(), strict=True)
        followers = tuple((self.tokens[token], number) for token, number in pairs)
        return int(table.totals[at]), int(table.distinct[at]), followers


class _Table(NamedTuple):
    """The contexts of one length, and a slice of continuations for each."""

    keys: NDArray[np.uint64]
    starts: NDArray[np.int64]
    totals: NDArray[np.int64]
    distinct: NDArray[np.int64]
    tokens: NDArray[np.int32]
    counts: NDArray[np.int32]


def _tables(ids: NDArray[np.uint64], targets: NDArray[np.uint64]) -> list[_Table]:
    following = targets[ids]
    key = np.zeros(len(ids), dtype=np.uint64)
    known = following != 0
    tables = [_table(key[known], following[known], least=1)]
    for length in range(1, BASE_ORDER + 1):
        earlier = np.zeros_like(ids)
        earlier[length:] = ids[:-length] if length < len(ids) else 0
        key = (key + earlier + np.uint64(1)) * np.uint64(_MULTIPLIER)
        key ^= key >> np.uint64(29)
        known &= earlier != 0
        tables.append(_table(key[known] >> np.uint64(_TOKEN_BITS), following[known], least=1 + (length > 2)))
    return tables


def _table(contexts: NDArray[np.uint64], following: NDArray[np.uint64], least: int) -> _Table:
    """Counts continuations by context; a context seen less than `least` times is left out."""
    bits = np.uint64(_TOKEN_BITS)
    pairs, counts = np.unique((contexts << bits) | following, return_counts=True)
    owner, tokens = pairs >> bits, (pairs & np.uint64((1 << _TOKEN_BITS) - 1)).astype(np.int32)
    keys, starts, distinct = np.unique(owner, return_index=True, return_counts=True)
    totals = np.add.reduceat(counts, starts) if len(starts) else counts
    row = np.repeat(np.arange(len(keys)), distinct)
    order = np.lexsort((-counts, row))
    rank = np.arange(len(order)) - np.repeat(starts, distinct)
    order = order[(rank < _FOLLOWERS) & (totals[row] >= least)]
    kept = totals >= least
    ends = np.cumsum(np.minimum(distinct[kept], _FOLLOWERS))
    slices = np.concatenate([[0], ends]).astype(np.int64)
    return _Table(
        keys[kept], slices, totals[kept], distinct[kept], tokens[order], counts[order].astype(np.int32)
    )


class Log:
    """Tokens in the order in which they were written, and where each short context occurs.

    A reader names the position up to which it reads, so that what is appended later never changes what an
    earlier model says. Contexts of the given `lengths` are looked up, others found by reading on backwards.
    """

    def __init__(self, lengths: Sequence[int] = (1, 2, 4)) -> None:
        self.tokens: list[str] = [""]  # matches nothing, so that reading backwards stops here
        self._same: dict[str, str] = {}
        self._places: dict[int, defaultdict[tuple[str, ...], list[int]]] = {
            length: defaultdict(list) for length in lengths
        }

    def append(self, tokens: Sequence[str]) -> None:
        """Adds `tokens` after all others."""
        log, begin = self.tokens, len(self.tokens)
        log.extend(map(self._same.setdefault, tokens, tokens))
        for length, places in self._places.items():
            start = max(begin - length, 1)
            contexts = zip(*(log[start + shift :] for shift in range(length)), strict=False)
            for position, context in zip(range(start + length, len(log)), contexts, strict=False):
                places[context].append(position)

    def levels(self, context: Sequence[str], end: int, reach: int = ORDER) -> list[list[int]]:
        """For 0, 1, 2, ... tokens at the end of `context`: the latest positions before `end` after them.

        Latest first; the list ends with the longest context that occurs.
        """
        levels: list[list[int]] = [[]]
        log, found = self.tokens, list[int]()
        for length in range(1, min(reach, len(context)) + 1):
            if length in self._places:
                found = self._recent(tuple(context[-length:]), end)
            else:
                earlier = context[-length]
                found = [position for position in found if log[position - length] == earlier]
            if not found:
                break
            levels.append(found)
        return levels

    def _recent(self, context: tuple[str, ...], end: int) -> list[int]:
        held = self._places[len(context)].get(context)
        if not held:
            return []
        high = bisect_left(held, end) if held[-1] >= end else len(held)
        return held[max(0, high - _RECENT[len(context)]) : high][::-1]


class Reading(NamedTuple):
    """A log up to a position."""

    log: Log
    end: int


class _Mixture:
    """A distribution that takes in one context length of one source after another, as Witten and Bell smooth.

    Bell, Cleary and Witten, "Text Compression" (1990), method C: after n occurrences of a context with t
    distinct continuations, a share of t / (n + t) stays with what shorter contexts say.
    """

    def __init__(self) -> None:
        self._scaled: dict[str, float] = {}
        self._scale = 1.0

    def add(self, total: int, distinct: int, counts: Iterable[tuple[str, int]]) -> None:
        self._scale *= distinct / (total + distinct)
        unit = 1.0 / ((total + distinct) * self._scale)
        scaled = self._scaled
        for token, number in counts:
            scaled[token] = scaled.get(token, 0.0) + number * unit

    def best(self) -> tuple[tuple[str, float], tuple[str, float]]:
        """The two most probable tokens; among equals, the first in the order of strings."""
        first, second = ("", 0.0), ("", 0.0)
        for token, value in self._scaled.items():
            if value > first[1] or (value == first[1] and token < first[0]):
                first, second = (token, value), first
            elif value > second[1] or (value == second[1] and token < second[0]):
                second = (token, value)
        return (first[0], first[1] * self._scale), (second[0], second[1] * self._scale)

    def probability(self, token: str) -> float:
        return self._scaled.get(token, 0.0) * self._scale


class Sources(NamedTuple):
    """What a prediction draws on, from the general to the local."""

    base: Base
    project: Reading
    file: Reading


def predict(sources: Sources, context: Sequence[str], wanted: str | None = None) -> Prediction:
    """Predicts the token after `context`, from each context length in turn, base before project before file.

    With `wanted`, says the same about that token instead of the most probable one.
    """
    rows = sources.base.followers(context)
    project, file = (_counts(reading, context) for reading in sources[1:])
    mixture = _Mixture()
    for order in range(ORDER + 1):
        if order < len(rows) and rows[order][0]:
            mixture.add(*rows[order])
        for local in (project, file):
            if 0 < order < len(local):
                counts = local[order]
                mixture.add(sum(counts.values()), len(counts), counts.items())
    first, second = mixture.best()
    token = first[0] if wanted is None else wanted
    return Prediction(
        token=token,
        probability=mixture.probability(token),
        rival=first[1] if token != first[0] else second[1],
        end=mixture.probability(END),
        orders=(
            _deepest([dict(row[2]) for row in rows], token),
            _deepest(project, token),
            _deepest(file, token),
        ),
        counts=(_often(project, token), _often(file, token)),
    )


def _counts(reading: Reading, context: Sequence[str]) -> list[Mapping[str, int]]:
    """Continuations counted, by the length of the context before them."""
    tokens = reading.log.tokens
    nested: list[Mapping[str, int]] = []
    held: list[int] = []
    for positions in reading.log.levels(context, reading.end):
        if nested and len(positions) == len(held) and positions == held:
            nested.append(nested[-1])
            continue
        counts: dict[str, int] = {}
        for position in positions:
            token = tokens[position]
            if token[0] in "\r\n":
                token = END
            counts[token] = counts.get(token, 0) + 1
        nested.append(counts)
        held = positions
    return nested


def _deepest(nested: Sequence[Mapping[str, int]], token: str) -> int:
    """The longest context after which `token` was seen."""
    return max((order for order, counts in enumerate(nested) if token in counts), default=0)


def _often(nested: Sequence[Mapping[str, int]], token: str) -> int:
    """How often `token` was seen after the last two tokens."""
    return nested[2].get(token, 0) if len(nested) > 2 else 0
