"""Gradient-boosted regression trees: fitted on histograms, kept as plain numbers, evaluated without learning.

Squared loss, complete binary trees of one depth, quantile bins. Friedman 2001, "Greedy function
approximation: a gradient boosting machine" (Annals of Statistics 29), and 2002, "Stochastic gradient
boosting"; histogram splits as Ke et al. 2017, "LightGBM", section 2. Deterministic: the same rows in the
same order give the same trees.
"""

from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PARTS = 2
"""Each tree sees half of the rows, in turn: half the work, and trees that err differently (Friedman 2002)."""

ENOUGH = 100
"""Rows from which on they are divided."""

SCATTER = 0x9E3779B97F4A7C15
"""2⁶⁴ divided by the golden ratio (Knuth, TAOCP 6.4): its multiples fall everywhere."""

LEAST_GAIN = 1e-12

NEVER = 1e300
"""A cut that no value exceeds: the node does not split, everything goes left."""


class Trees(msgspec.Struct, frozen=True, dict=True):
    """A sum of trees. T trees of one depth D have 2^D − 1 cuts and 2^D leaves each.

    Attributes:
        depth: D.
        start: the prediction before any tree.
        feature: column that each node looks at, shape (T, 2^D − 1), breadth first.
        cut: values above it go right, the same shape.
        leaf: what each leaf adds, shape (T, 2^D).
    """

    depth: int
    start: float
    feature: tuple[tuple[int, ...], ...]
    cut: tuple[tuple[float, ...], ...]
    leaf: tuple[tuple[float, ...], ...]

    @cached_property
    def arrays(self) -> tuple[Ints, Floats, Floats]:
        """Features, cuts and leaves as arrays, made once."""
        return np.array(self.feature, dtype=np.int64), np.array(self.cut), np.array(self.leaf)


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How much the trees may say: few rounds and shallow trees, because evidence is scarce.

    Attributes:
        rounds, depth: how many trees, how deep.
        rate: how much of each tree is believed.
        bins: quantile bins a feature.
        ridge: rows that a leaf is shrunk by, towards 0.
        least: fewest rows (by weight) on either side of a cut.
    """

    rounds: int = 80
    depth: int = 3
    rate: float = 0.1
    bins: int = 32
    ridge: float = 20.0
    least: float = 10.0


class Rows(NamedTuple):
    """What a tree is grown on: n rows of d features.

    `codes` are their bins and `places` those in one histogram of all features, shape (n, d); `residual` and
    `weights` have shape (n,), and no weights are ones.
    """

    codes: Ints
    places: Ints
    residual: Floats
    weights: Floats | None

    @property
    def pull(self) -> Floats:
        """Residuals by their weights."""
        return self.residual if self.weights is None else self.residual * self.weights


def fit(inputs: Floats, target: Floats, weights: Floats | None = None, shape: Shape = Shape()) -> Trees:  # noqa: B008
    """Fit by gradient boosting.

    >>> x = np.linspace(0, 1, 400)[:, None]
    >>> step = fit(x, np.where(x[:, 0] > 0.5, 1.0, 0.0))
    >>> predict(step, np.array([[0.2], [0.9]])).round(1)
    array([0., 1.])

    Args:
        inputs: shape (n, d), finite.
        target: shape (n,).
        weights: shape (n,), at least 0; ones if left out.
        shape: how much the trees may say.
    """
    edges = [_edges(column, shape.bins) for column in inputs.T]
    codes = np.stack([np.searchsorted(e, c, side="left") for e, c in zip(edges, inputs.T, strict=True)], 1)
    places = codes + np.arange(inputs.shape[1]) * shape.bins
    start = float(np.average(target, weights=weights))
    residual = target - start
    grown, halves = [], _divided(len(target))
    for number in range(shape.rounds):
        part = halves[number % len(halves)]
        given = None if weights is None else weights[part]
        rows = Rows(codes[part], places[part], residual[part], given)
        feature, bins = _grow(rows, shape, [len(e) for e in edges])
        leaf = _leaves(rows, _routed(rows.codes, feature, bins, shape.depth), shape)
        residual = residual - leaf[_routed(codes, feature, bins, shape.depth)]
        cut = [float(edges[f][b]) if b >= 0 else NEVER for f, b in zip(feature, bins, strict=True)]
        grown.append((tuple(feature.tolist()), tuple(cut), tuple(leaf.tolist())))
    features, cuts, leaves = zip(*grown, strict=True)
    return Trees(shape.depth, start, features, cuts, leaves)


def _divided(count: int) -> list[Ints]:
    """The rows of each part, scattered over all of them.

    Rows come one example after the other, each with the same few options: every second row would be half
    of the options, not half of the examples, and no tree could tell one half from the other.
    """
    if count < ENOUGH:
        return [np.arange(count)]
    scattered = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(SCATTER) >> np.uint64(40)
    return [np.flatnonzero(scattered % PARTS == part) for part in range(PARTS)]


def predict(trees: Trees, inputs: Floats) -> Floats:
    """The prediction for each row, shape (n,)."""
    feature, cut, leaf = trees.arrays
    rows, which = np.arange(len(inputs))[:, None], np.arange(len(feature))
    node = np.zeros((len(inputs), len(feature)), dtype=np.int64)
    for _ in range(trees.depth):
        node = 2 * node + 1 + (inputs[rows, feature[which, node]] > cut[which, node])
    reached: Floats = trees.start + leaf[which, node - (2**trees.depth - 1)].sum(axis=1)
    return reached


def _edges(column: Floats, bins: int) -> Floats:
    return np.unique(np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1]))


def _grow(rows: Rows, shape: Shape, cuts: list[int]) -> tuple[Ints, Ints]:
    """One tree: the column of each node and the bin above which rows go right, −1 where it does not split."""
    feature, bins = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    for level in range(shape.depth):
        node = _routed(rows.codes, feature, bins, level)
        gain = _gains(rows, node, 2**level, shape)
        for column, count in enumerate(cuts):
            gain[:, column, count:] = 0.0
        flat = gain.reshape(2**level, -1)
        best = flat.argmax(axis=1)
        splits = flat[np.arange(2**level), best] > LEAST_GAIN
        feature = np.concatenate((feature, best // shape.bins))
        bins = np.concatenate((bins, np.where(splits, best % shape.bins, -1)))
    return feature, bins


def _routed(codes: Ints, feature: Ints, bins: Ints, depth: int) -> Ints:
    """Where each row is after `depth` levels of a tree, counted from the left."""
    node = np.zeros(len(codes), dtype=np.int64)
    every = np.arange(len(codes))
    for level in range(depth):
        here = 2**level - 1 + node
        bound = bins[here]
        node = 2 * node + ((codes[every, feature[here]] > bound) & (bound >= 0))
    return node


def _gains(rows: Rows, node: Ints, nodes: int, shape: Shape) -> Floats:
    """How much squared error each cut would save, shape (nodes, d, bins)."""
    width = rows.codes.shape[1]
    place = (rows.places + (node * (width * shape.bins))[:, None]).ravel()
    size = nodes * width * shape.bins
    left = _histogram(place, rows.pull, width, size).reshape(nodes, width, -1).cumsum(axis=2)
    mass = _histogram(place, rows.weights, width, size).reshape(nodes, width, -1).cumsum(axis=2)
    total, whole = left[:, :, -1:], mass[:, :, -1:]
    gain: Floats = (
        left**2 / (mass + shape.ridge)
        + (total - left) ** 2 / (whole - mass + shape.ridge)
        - total**2 / (whole + shape.ridge)
    )
    gain[(mass < shape.least) | (whole - mass < shape.least)] = 0.0
    return gain


def _histogram(place: Ints, values: Floats | None, width: int, size: int) -> Floats:
    repeated = None if values is None else np.repeat(values, width)
    counted: Floats = np.bincount(place, repeated, size).astype(np.float64)
    return counted


def _leaves(rows: Rows, node: Ints, shape: Shape) -> Floats:
    count = 2**shape.depth
    pull = np.bincount(node, rows.pull, count)
    mass = np.bincount(node, rows.weights, count)
    value: Floats = shape.rate * pull / (mass + shape.ridge)
    return value
