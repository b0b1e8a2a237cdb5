"""Which token comes next: nested n-gram counts of a language, a project and a file.

Hellendoorn and Devanbu, "Are deep neural networks the best choice for modeling source code?" (ESEC/FSE 2017), section 3: counts that
are cheap to update, nested from the general to the local, smoothed after Witten and Bell, beat recurrent networks on code. Here `Base`
counts a corpus once, and a `Log` keeps what a project or a file says, in the order in which it was said, so that a model of the
project as of any earlier moment is the same log, read up to a position.
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
_TOKEN_BITS = 20
_WORD_BITS = 64
_MULTIPLIER = 0x9E3779B97F4A7C15
_MASK = (1 << _WORD_BITS) - 1
_INDEXED = (4, 2, 1)  # context lengths that a log can look up; longer ones are found by reading on backwards
_RECENT = {4: 96, 2: 64, 1: 48}  # how many of the most recent places of a context are read

Followers = tuple[int, int, list[tuple[str, int]]]  # occurrences, distinct continuations, the most frequent of them


class Place(NamedTuple):
    """Where a log has seen the end of a context before."""

    length: int
    position: int
    token: str


class Prediction(NamedTuple):
    """The most probable next token and what speaks for it."""

    token: str
    probability: float
    runner_up: str
    runner_up_probability: float
    end: float
    orders: tuple[int, int, int]  # the longest context after which base, project and file had this token
    counts: tuple[int, int]  # how often project and file had it after any context of at least two tokens


def target(token: str) -> str:
    """What has to be predicted for `token`: itself, or the end of the line."""
    return END if token[0] in "\r\n" else token


class Base:
    """Counts over a fixed corpus, in sorted arrays.

    >>> base = Base(["for i in range(3):\\n"] * 2)
    >>> base.followers(["for", " i"])[2]
    (2, 1, [(' in', 2)])
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
        table = self._tables[length]
        at = int(table.keys.searchsorted(np.uint64(key)))
        if at == len(table.keys) or int(table.keys[at]) != key:
            return (0, 0, [])
        low, high = int(table.starts[at]), int(table.starts[at + 1])
        pairs = zip(table.tokens[low:high].tolist(), table.counts[low:high].tolist(), strict=True)
        return int(table.totals[at]), int(table.distinct[at]), [(self.tokens[token], number) for token, number in pairs]


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
    return _Table(keys[kept], slices, totals[kept], distinct[kept], tokens[order], counts[order].astype(np.int32))


class Log:
    """Tokens in the order in which they were written, and where each short context occurs.

    A reader names the position up to which it reads, so that what is appended later never changes what an earlier model says.
    """

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self._places: dict[tuple[str, ...], int | list[int]] = {}

    def append(self, tokens: Iterable[str]) -> None:
        """Adds `tokens` after all others."""
        log, places = self.tokens, self._places
        for token in tokens:
            position = len(log)
            log.append(token)
            for length in _INDEXED:
                if position < length:
                    continue
                context = tuple(log[position - length : position])
                held = places.get(context)
                if held is None:
                    places[context] = position
                elif type(held) is int:
                    places[context] = [held, position]
                else:
                    held.append(position)  # type: ignore[union-attr]

    def recent(self, context: tuple[str, ...], end: int, most: int) -> Sequence[int]:
        """The last `most` positions before `end` that follow `context`, latest first."""
        held = self._places.get(context)
        if held is None:
            return ()
        if isinstance(held, int):
            return (held,) if held < end else ()
        high = bisect_left(held, end) if held[-1] >= end else len(held)
        return held[max(0, high - most) : high][::-1]

    def places(self, context: Sequence[str], end: int, reach: int = ORDER) -> list[Place]:
        """Where the end of `context` was seen before position `end`: longer indexed contexts first, then latest first."""
        found = []
        above = reach + 1
        for length in _INDEXED:
            if length > len(context):
                continue
            for position in self.recent(tuple(context[-length:]), end, _RECENT[length]):
                matched = self._matched(context, position, length, reach)
                if matched < above:
                    found.append(Place(matched, position, self.tokens[position]))
            above = length
        return found

    def _matched(self, context: Sequence[str], position: int, known: int, reach: int) -> int:
        """How many tokens before `position` agree with the end of `context`."""
        log, most = self.tokens, min(reach, len(context), position)
        while known < most and log[position - known - 1] == context[-known - 1]:
            known += 1
        return known


class Reading(NamedTuple):
    """A log up to a position."""

    log: Log
    end: int


class _Mixture:
    """A distribution that takes in one context length of one source after another, as Witten and Bell smooth.

    Bell, Cleary and Witten, "Text Compression" (1990), method C: after n occurrences of a context with t distinct continuations, a
    share of t / (n + t) stays with what shorter contexts say.
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


def predict(base: Base, project: Reading, file: Reading, context: Sequence[str]) -> Prediction:
    """Predicts the token after `context`: every context length from none to eight, base before project before file."""
    rows = base.followers(context)
    seen_project = project.log.places(context, project.end)
    seen_file = file.log.places(context, file.end)
    by_project, by_file = _nested(seen_project), _nested(seen_file)
    mixture = _Mixture()
    for order in range(ORDER + 1):
        if order < len(rows) and rows[order][0]:
            mixture.add(*rows[order])
        for nested in (by_project, by_file):
            counts = nested.get(order)
            if counts:
                mixture.add(sum(counts.values()), len(counts), counts.items())
    first, second = mixture.best()
    return Prediction(
        token=first[0],
        probability=first[1],
        runner_up=second[0],
        runner_up_probability=second[1],
        end=mixture.probability(END),
        orders=(_deepest(rows, first[0]), _longest(seen_project, first[0]), _longest(seen_file, first[0])),
        counts=(_often(by_project, first[0]), _often(by_file, first[0])),
    )


def _nested(places: Sequence[Place]) -> dict[int, Mapping[str, int]]:
    """Continuations counted by context length; a longer context counts for the shorter ones too."""
    nested: dict[int, Mapping[str, int]] = {}
    counts: dict[str, int] = {}
    by_length: dict[int, list[str]] = {}
    for length, _, token in places:
        by_length.setdefault(length, []).append(END if token[0] in "\r\n" else token)
    for length in range(max(by_length, default=0), 0, -1):
        if length in by_length:
            counts = dict(counts)
            for token in by_length[length]:
                counts[token] = counts.get(token, 0) + 1
        nested[length] = counts
    return nested


def _deepest(rows: Sequence[Followers], token: str) -> int:
    return max((order for order, row in enumerate(rows) if any(token == other for other, _ in row[2])), default=0)


def _longest(places: Sequence[Place], token: str) -> int:
    return max((place.length for place in places if target(place.token) == token), default=0)


def _often(nested: Mapping[int, Mapping[str, int]], token: str) -> int:
    return nested.get(2, {}).get(token, 0)
