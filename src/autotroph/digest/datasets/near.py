"""Near duplicates: texts whose overlapping pieces are mostly the same.

A text is the set of its *shingles*, five characters each, hashed. Of large sets the smallest hashes stand
for the whole (a sketch), and the similarity of two sketches estimates that of the sets; up to `SKETCH`
shingles it is exact. Texts are compared only if one of `BANDS` bands of `ROWS` minima is the same: at a
similarity of s that happens with probability 1 − (1 − s⁶)³²: .982 at .7, .9999 at .8, .02 at .3.

References:
    Broder 1997, On the resemblance and containment of documents: shingles, sketches, minima.
    Indyk and Motwani 1998, Approximate nearest neighbors: bands.
    Shrivastava and Li 2014, Densifying one permutation hashing: all minima from one hash.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
SKETCH = 256
BANDS, ROWS = 32, 6
BINS = BANDS * ROWS
CROWD = 64
"""At most so many of a band are compared with: so that a million letters from one form cost no million²."""

CHUNK = 1_000

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFFFFFFFF)


def normalised(text: str) -> str:
    r"""A text without what makes no difference to a reader: case, widths, spaces.

    >>> normalised("  Lost   my\tCARD ")
    'lost my card'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Sketches:
    """Sketches of many texts, in the order in which they were added.

    >>> sketches = Sketches()
    >>> sketches.add(["the card has not arrived yet", "the card has not arrived, yet", "hello"])
    >>> round(sketches.similarity(0, 1), 2), sketches.similarity(0, 2)
    (0.73, 0.0)
    """

    def __init__(self) -> None:
        self._sets: list[U32] = []
        self._ends = [0]
        self._bands: list[U64] = []

    def add(self, texts: Iterable[str]) -> None:
        """Take the sketches of normalised texts."""
        rest = iter(texts)
        while some := list(islice(rest, CHUNK)):
            flat, starts = _sketched(some)
            self._sets.append(flat)
            self._ends += (self._ends[-1] + np.append(starts[1:], len(flat))).tolist()
            self._bands.append(_banded(flat, starts))

    def similarity(self, one: int, other: int) -> float:
        """The estimated share of shingles that two have in common, of those that any has."""
        a, b = self._set(one), self._set(other)
        both = np.concatenate((a, b))
        both.sort()
        twice = both[1:] == both[:-1]
        if len(a) < SKETCH and len(b) < SKETCH:
            return float(twice.sum()) / (len(both) - int(twice.sum()))
        smallest = np.unique(both)[:SKETCH]
        return float(np.isin(smallest, both[1:][twice], assume_unique=True).sum()) / len(smallest)

    def _set(self, one: int) -> U32:
        if len(self._sets) > 1:
            self._sets = [np.concatenate(self._sets)]
        return self._sets[0][self._ends[one] : self._ends[one + 1]]

    def bands(self) -> U64:
        """The bands of each text, shape (n, BANDS); 0 where no other text has that band."""
        found = np.concatenate([np.zeros((0, BANDS), np.uint64), *self._bands])
        for band in found.T:
            order = np.argsort(band)
            same = band[order][1:] == band[order][:-1]
            alone = ~(np.append(same, False) | np.insert(same, 0, False)) if len(band) else order
            band[order[alone]] = 0
        return found


class Crowd:
    """Texts that were kept, by their bands; finds one that a new text is as good as equal to."""

    def __init__(self, sketches: Sketches, near: float) -> None:
        self._sketches, self._near = sketches, near
        bands = sketches.bands()
        texts, numbers = np.nonzero(bands)
        self._places = list(zip(numbers.tolist(), bands[texts, numbers].tolist(), strict=True))
        self._first = np.searchsorted(texts, np.arange(len(bands) + 1)).tolist()
        self._kept: dict[tuple[int, int], list[int]] = defaultdict(list)

    def like(self, one: int) -> bool:
        """Whether a text is a near duplicate of one that was kept."""
        places = self._shared(one)
        others = {other for place in places for other in self._kept.get(place, ())} if places else ()
        return any(self._sketches.similarity(one, other) >= self._near for other in sorted(others))

    def keep(self, one: int) -> None:
        """Later texts are compared with this one."""
        for place in self._shared(one):
            there = self._kept[place]
            if len(there) < CROWD:
                there.append(one)

    def _shared(self, one: int) -> list[tuple[int, int]]:
        """The bands that another text has too, as (number, hash)."""
        return self._places[self._first[one] : self._first[one + 1]]


def _sketched(texts: Sequence[str]) -> tuple[U32, I64]:
    """The smallest shingles of each text, all in one array; and where each text begins."""
    tail = "\0" * (SHINGLE - 1)
    padded = [f"{text or tail[:1]}{tail}" for text in texts]
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    owner = np.repeat(np.arange(len(texts), dtype=np.uint64), [len(text) for text in padded])
    whole = owner[: 1 - SHINGLE] == owner[SHINGLE - 1 :]
    keys = ((owner[: 1 - SHINGLE] << np.uint64(32)) | _hashed(letters))[whole]
    keys.sort()
    keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    owners, starts = _owners(keys, len(texts))
    kept = keys[np.arange(len(keys)) - starts[owners] < SKETCH]
    return (kept & _LOW).astype(np.uint32), _owners(kept, len(texts))[1]


def _owners(keys: U64, texts: int) -> tuple[I64, I64]:
    """Whose each key is, and where those of each text begin."""
    owners = (keys >> np.uint64(32)).astype(np.int64)
    return owners, np.searchsorted(owners, np.arange(texts))


def _hashed(letters: U32) -> U64:
    """A 32-bit hash of the shingle that begins at each place."""
    size = len(letters) - SHINGLE + 1
    value = np.zeros(size, np.uint64)
    for offset in range(SHINGLE):
        value ^= letters[offset : offset + size]
        value *= _STEP
        value ^= value >> np.uint64(32)
    return value * _STEP >> np.uint64(32)


def _banded(flat: U32, starts: I64) -> U64:
    """The bands of sketches, never 0: each a hash of `ROWS` minima.

    Shingles are dealt into bins, of which each keeps its smallest; an empty one borrows from the next that is
    not, and remembers how far that is.
    """
    texts = len(starts)
    owner = np.repeat(np.arange(texts), np.diff(starts, append=len(flat)))
    place = owner * BINS + flat % BINS
    least = np.zeros(texts * BINS, np.uint32)
    least[place[::-1]] = flat[::-1]  # ascending: the smallest is written last
    filled = np.zeros(texts * BINS, bool)
    filled[place] = True
    lender, far = _lenders(filled.reshape(texts, BINS))
    minima = np.take_along_axis(least.reshape(texts, BINS), lender, axis=1).astype(np.uint64)
    minima = (minima << np.uint64(16)) | far
    order = np.random.default_rng(1997).permutation(BINS).reshape(ROWS, BANDS)
    bands = np.broadcast_to(np.arange(1, BANDS + 1, dtype=np.uint64), (texts, BANDS))
    for row in order:
        bands = (bands ^ minima[:, row]) * _STEP
        bands ^= bands >> np.uint64(31)
    return bands | np.uint64(1)


def _lenders(filled: NDArray[np.bool_]) -> tuple[I64, U64]:
    """For each bin, the next one that is not empty, round and round; and how far it is."""
    bins = np.arange(2 * BINS, dtype=np.int16)
    known = np.where(np.concatenate((filled, filled), axis=1), bins, np.int16(2 * BINS))
    following = np.minimum.accumulate(known[:, ::-1], axis=1)[:, ::-1][:, :BINS]
    return (following % BINS).astype(np.int64), (following - bins[:BINS]).astype(np.uint64)
