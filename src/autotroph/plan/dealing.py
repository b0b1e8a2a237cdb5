"""A log dealt out anew, hundreds of times: two arms of one population, unit by unit, at every look.

Everything is computed for many runs at once and equals what the desk would find in each of them; what it
amounts to is asked of `judge`, see `rehearsing`.
"""

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from autotroph.deploy.evidence import LEVEL
from autotroph.deploy.guards import ALIKE, CLEARED, PLANNED
from autotroph.plan.traffic import Column, Rivals, Traffic
from autotroph.stats.batched import Counts, Matrix, ends_of_intervals, means, peaks
from autotroph.stats.betting import log_target
from autotroph.stats.confidence import BURN_IN, mean_interval

Flags = NDArray[np.bool_]
Guarded = tuple[Column, Flags, Flags]
"""A guard with whether it is harmed, and whether it is cleared, in each run at each look."""

EVERY = 20
"""Units between two looks."""


class Seen(msgspec.Struct, frozen=True):
    """A batch of runs at every look: log wealths, means, counts, and what each guard says.

    Attributes:
        low: the lower end of a run's difference after so many units.
    """

    ends: Counts
    better: Matrix
    no_worse: Matrix
    harm: Matrix
    mean: Matrix
    guards: tuple[Guarded, ...]
    low: Callable[[int, int], float]


Play = Callable[[np.random.Generator, int, float], Seen]
"""Plays so many runs; the last number is the share of the candidate's units that come to nothing."""


def split(found: Traffic) -> Play:
    """Units dealt out to two arms."""
    looks = _looks(found.exposed.size)
    until = np.maximum.accumulate(found.exposed)[looks - 1] if looks.size else found.exposed
    low, high = found.range
    guards = [one for one in found.guards if one.values.size and one.values.min() < one.values.max()]
    still = [one for one in found.guards if one not in guards]

    def play(luck: np.random.Generator, runs: int, harm: float) -> Seen:
        ours = luck.random((runs, found.exposed.size)) < 0.5
        gone = luck.random(ours.shape) < harm
        steps, ends = _dealt(found.reward, ours, gone, low, until)
        return _seen(
            (steps, ends, high - low, found.reward.margin),
            tuple(_weighed(one, *_dealt(one, ours, gone, low, until)) for one in guards)
            + tuple(_quiet(one, ends.shape) for one in still),
        )

    return play


def paired(found: Traffic, rivals: Rivals) -> Play:
    """Two answers to each decision, of which either may be the candidate's."""
    looks = _looks(rivals.ours.size)
    low, high = found.range

    def play(luck: np.random.Generator, runs: int, harm: float) -> Seen:
        shape = (runs, rivals.ours.size)
        swapped = luck.random(shape) < 0.5
        ours = np.where(swapped, rivals.theirs, rivals.ours)
        theirs = np.where(swapped, rivals.ours, rivals.theirs)
        ours[luck.random(shape) < harm] = low
        ends = np.broadcast_to(looks, (runs, looks.size))
        return _seen((ours - theirs, ends, high - low, found.reward.margin), ())

    return play


def _looks(units: int) -> Counts:
    """After how many units somebody looks."""
    return np.unique(np.append(np.arange(EVERY, units, EVERY), units)) if units else np.empty(0, np.intp)


def _dealt(column: Column, arm: Flags, gone: Flags, low: float, until: Matrix) -> tuple[Matrix, Counts]:
    """Differences as `Arms.pairs` has them, in the order of exposure; how many there are at each look."""
    ours = arm[:, column.places]
    values = np.broadcast_to(column.values, ours.shape)
    if column.worth:
        values = np.where(gone[:, column.places] & ours, low, values)
    mine = np.cumsum(ours, axis=1)
    pairs = np.minimum(mine, np.arange(1, ours.shape[1] + 1) - mine)
    most = int(pairs[:, -1].max(initial=0)) if pairs.shape[1] else 0
    steps = _aligned(values, ours, most) - _aligned(values, ~ours, most)
    after = np.searchsorted(np.maximum.accumulate(column.at), until, side="right")
    ends = (
        np.where(after > 0, pairs[:, np.maximum(after, 1) - 1], 0)
        if pairs.shape[1]
        else np.zeros((len(arm), until.size), np.intp)
    )
    return steps, ends


def _aligned(values: Matrix, taken: Flags, most: int) -> Matrix:
    """The taken values of each run from the left; nan where there are no more."""
    place = np.cumsum(taken, axis=1) - 1
    row, at = np.nonzero(taken & (place < most))
    found = np.full((len(values), most), np.nan)
    found[row, place[row, at]] = values[row, at]
    return found


def _seen(reward: tuple[Matrix, Counts, float, float], guards: tuple[Guarded, ...]) -> Seen:
    steps, ends, width, margin = reward
    return Seen(
        ends,
        better=peaks(steps, ends, width),
        no_worse=peaks(steps, ends, width, -margin),
        harm=peaks(-steps, ends, width, margin),
        mean=means(steps, ends),
        guards=guards,
        low=lambda run, units: mean_interval(steps[run, :units], LEVEL, (-width, width)).low,
    )


def _weighed(column: Column, steps: Matrix, ends: Counts) -> Guarded:
    """Whether a guard is harmed and whether it is cleared, at each look, as `guards.bet` finds it."""
    if column.width is not None:
        harmed = peaks(-steps, ends, column.width, column.margin) >= log_target(column.level)
        cleared = peaks(steps, ends, column.width, -column.margin) >= log_target(CLEARED)
        return column, harmed, cleared
    return column, *_in_the_limit(column, steps, ends)


def _in_the_limit(column: Column, steps: Matrix, ends: Counts) -> tuple[Flags, Flags]:
    high = ends_of_intervals(steps, ends, column.level, PLANNED, "upper")
    low = ends_of_intervals(steps, ends, CLEARED, PLANNED, "lower")
    enough = ends >= np.where(high == low, ALIKE, BURN_IN)  # without any spread both are the mean
    return enough & (high < -column.margin), enough & (low > -column.margin)


def _quiet(column: Column, shape: tuple[int, ...]) -> Guarded:
    """A guard that is the same for everybody harms nobody, and is cleared as soon as anything is."""
    return column, np.zeros(shape, np.bool_), np.ones(shape, np.bool_)
