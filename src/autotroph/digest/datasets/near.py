"""Near duplicates: texts whose overlapping pieces are mostly the same.

A text is the set of its *shingles*, five characters each, hashed. Of large sets the smallest hashes stand
for the whole (a sketch), and the similarity of two sketches estimates that of the sets; up to `SKETCH`
shingles it is exact. Texts are compared only if one of `BANDS` bands of `ROWS` minima is the same: at a
similarity of s that happens with probability 1 − (1 − s⁴)¹⁶, which is .988 at .7, .9998 at .8.

References:
    Broder 1997, On the resemblance and containment of documents: shingles, sketches, minima.
    Indyk and Motwani 1998, Approximate nearest neighbors: bands.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
SKETCH = 256
BANDS, ROWS = 16, 4
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
        self._bands: list[U64] = []

    def __len__(self) -> int:
        return len(self._sets)

    def add(self, texts: Iterable[str]) -> None:
        """Take the sketches of normalised texts."""
        rest = iter(texts)
        while some := list(islice(rest, CHUNK)):
            flat, starts = _sketched(some)
            self._sets += np.split(flat, starts[1:])
            self._bands.append(_banded(flat, starts))

    def similarity(self, one: int, other: int) -> float:
        """The estimated share of shingles that two have in common, of those that any has."""
        a, b = self._sets[one], self._sets[other]
        both = np.concatenate((a, b))
        both.sort()
        twice = both[1:] == both[:-1]
        if len(a) < SKETCH and len(b) < SKETCH:
            return float(twice.sum()) / (len(both) - int(twice.sum()))
        smallest = np.unique(both)[:SKETCH]
        return float(np.isin(smallest, both[1:][twice], assume_unique=True).sum()) / len(smallest)

    def bands(self) -> U64:
        """The bands of each text, shape (n, BANDS); 0 where no other text has that band."""
        if not self._bands:
            return np.zeros((0, BANDS), np.uint64)
        found = np.concatenate(self._bands)
        for band in found.T:
            _, place, count = np.unique(band, return_inverse=True, return_counts=True)
            band[count[place] == 1] = 0
        return found


class Crowd:
    """Texts that were kept, by their bands; finds one that a new text is as good as equal to."""

    def __init__(self, sketches: Sketches, near: float) -> None:
        self._sketches, self._near = sketches, near
        self._bands = sketches.bands()
        self._kept: dict[tuple[int, int], list[int]] = defaultdict(list)

    def like(self, one: int) -> bool:
        """Whether a text is a near duplicate of one that was kept."""
        places = self._places(one)
        others = {other for place in places for other in self._kept.get(place, ())}
        return any(self._sketches.similarity(one, other) >= self._near for other in sorted(others))

    def keep(self, one: int) -> None:
        """Later texts are compared with this one."""
        for place in self._places(one):
            there = self._kept[place]
            if len(there) < CROWD:
                there.append(one)

    def _places(self, one: int) -> Iterator[tuple[int, int]]:
        row: list[int] = self._bands[one].tolist()
        return ((band, key) for band, key in enumerate(row) if key)


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
    """The bands of sketches, never 0.

    Shingles are dealt out once into `ROWS` groups. A band is a way of shuffling them: the first of each group
    are its minima.
    """
    texts = len(starts)
    owner = np.repeat(np.arange(texts), np.diff(starts, append=len(flat)))
    group = owner * ROWS + flat % ROWS
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group, minlength=texts * ROWS)
    filled = counts > 0
    begins = (np.cumsum(counts) - counts)[filled]
    dealt = flat[order] >> np.uint32(ROWS.bit_length() - 1)
    factors = np.random.default_rng(1997).integers(0, 2**31, BANDS, dtype=np.uint32) * 2 + 1
    bands = np.empty((texts, BANDS), np.uint64)
    for band, factor in enumerate(factors):
        least = np.zeros(texts * ROWS, np.uint32)
        least[filled] = np.minimum.reduceat(dealt * factor, begins)
        value = np.full(texts, band + 1, np.uint64)
        for minima in least.reshape(texts, ROWS).T:
            value = (value ^ minima) * _STEP
            value ^= value >> np.uint64(31)
        bands[:, band] = value | np.uint64(1)
    return bands
