"""Gradient-boosted regression trees: fitted on histograms, kept as plain numbers, evaluated without learning.

Squared loss, complete binary trees of one depth, quantile bins. Friedman 2001, "Greedy function
approximation: a gradient boosting machine" (Annals of Statistics 29); histogram splits as Ke et al. 2017,
"LightGBM", section 2. Deterministic: the same rows in the same order give the same trees.
"""

from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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
    weights = np.ones(len(target)) if weights is None else weights
    edges = [_edges(column, shape.bins) for column in inputs.T]
    codes = np.stack([np.searchsorted(e, c, side="left") for e, c in zip(edges, inputs.T, strict=True)], 1)
    start = float(np.average(target, weights=weights))
    residual = target - start
    grown = []
    for _ in range(shape.rounds):
        feature, bins, node = _grow(codes, residual, weights, shape, [len(e) for e in edges])
        leaf = _leaves(node, residual, weights, shape)
        residual = residual - leaf[node]
        cut = [edges[f][b] if b >= 0 else NEVER for f, b in zip(feature, bins, strict=True)]
        grown.append((tuple(feature), tuple(float(c) for c in cut), tuple(leaf.tolist())))
    features, cuts, leaves = zip(*grown, strict=True)
    return Trees(shape.depth, start, features, cuts, leaves)


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


def _grow(
    codes: Ints, residual: Floats, weights: Floats, shape: Shape, cuts: list[int]
) -> tuple[list[int], list[int], Ints]:
    """One tree: the column and bin of each node, and the leaf of each row."""
    rows = np.arange(len(codes))
    node = np.zeros(len(codes), dtype=np.int64)
    feature: list[int] = []
    bins: list[int] = []
    for level in range(shape.depth):
        gain = _gains(codes, node, residual * weights, weights, 2**level, shape)
        for column, count in enumerate(cuts):
            gain[:, column, count:] = 0.0
        flat = gain.reshape(2**level, -1)
        best = flat.argmax(axis=1)
        splits = flat[np.arange(2**level), best] > 1e-12
        columns, places = best // shape.bins, np.where(splits, best % shape.bins, -1)
        feature += [int(c) for c in columns]
        bins += [int(b) for b in places]
        right = (codes[rows, columns[node]] > places[node]) & splits[node]
        node = 2 * node + right
    return feature, bins, node


def _gains(codes: Ints, node: Ints, pull: Floats, weights: Floats, nodes: int, shape: Shape) -> Floats:
    """How much squared error each cut would save, shape (nodes, d, bins)."""
    width = codes.shape[1]
    place = ((node[:, None] * width + np.arange(width)) * shape.bins + codes).ravel()
    size = nodes * width * shape.bins
    left = np.bincount(place, np.repeat(pull, width), size).reshape(nodes, width, -1).cumsum(axis=2)
    mass = np.bincount(place, np.repeat(weights, width), size).reshape(nodes, width, -1).cumsum(axis=2)
    total, whole = left[:, :, -1:], mass[:, :, -1:]
    gain: Floats = (
        left**2 / (mass + shape.ridge)
        + (total - left) ** 2 / (whole - mass + shape.ridge)
        - total**2 / (whole + shape.ridge)
    )
    gain[(mass < shape.least) | (whole - mass < shape.least)] = 0.0
    return gain


def _leaves(node: Ints, residual: Floats, weights: Floats, shape: Shape) -> Floats:
    count = 2**shape.depth
    pull = np.bincount(node, residual * weights, count)
    mass = np.bincount(node, weights, count)
    value: Floats = shape.rate * pull / (mass + shape.ridge)
    return value
