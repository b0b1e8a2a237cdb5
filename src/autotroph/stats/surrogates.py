"""Does a change of the reward mean a change of the outcome? Past experiments, each as one pair of effects.

Each experiment moved the reward by x and the outcome by y, both measured with noise whose (co)variances are
known from its units. If the reward is worth chasing, what moves it moves the outcome the same way. Two views
of that, both of them with the noise taken out, because the two are measured on the same units and their
noise agrees even where nothing was moved:

- the *slope* β of the true effects, through the origin: a reward that rises on its own, while the outcome
  stays or falls, has a slope of nothing or below, however alike its experiments are to each other;
- the *signs*: in how many experiments both moved the same way.

And inside one experiment: given the reward, the treatment should tell nothing more about the outcome.

The intervals of this file are for one look at a fixed number of experiments; a look after each of a dozen
adds little, because nothing is promoted by them.

Sources: Prentice 1989, "Surrogate endpoints in clinical trials" (Statistics in Medicine), criterion 3;
Athey, Chetty, Imbens & Kang 2019, "The surrogate index" (NBER 26463), sections 2 and 4; Fuller 1987,
"Measurement Error Models", sections 1.2 and 2.2; Fieller 1954, "Some problems in interval estimation" (JRSS
B); Hill 1970 for Student's quantile (Algorithm 396, CACM), by the expansion of Abramowitz & Stegun 26.7.5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError
from autotroph.stats.betting import log_target
from autotroph.stats.confidence import Interval, mean_interval

Numbers = NDArray[np.float64]
Finding = Literal["deserves", "does not", "unknown"]

ENOUGH = 10
"""Fewer experiments say nothing: even nine of nine signs agree by luck in one history of 500."""

AGREEING = 0.9
"""The share of experiments with equal signs from which on a reward is worth chasing."""


@dataclass(frozen=True, slots=True)
class Units:
    """One experiment, one value a unit; all of shape (n,).

    Attributes:
        treated: whether the unit was shown the candidate; otherwise the concurrent control.
        stratum: which step of the ramp it was first exposed at: shares, and times, differ between them.
        reward: the mean of its rewards; `outcome`: of its outcomes, of the same decisions.
    """

    treated: NDArray[np.bool_]
    stratum: NDArray[np.int64]
    reward: Numbers
    outcome: Numbers


@dataclass(frozen=True, slots=True)
class Effect:
    """What one experiment did: candidate less control, and how noisily that is known.

    Attributes:
        reward, outcome: differences of means.
        reward_noise, outcome_noise: variances of these differences; `shared_noise`: their covariance.
        units: how many there were, both arms together.
    """

    reward: float
    outcome: float
    reward_noise: float
    outcome_noise: float
    shared_noise: float
    units: int


@dataclass(frozen=True, slots=True)
class Worth:
    """Whether a reward deserves to be chased, by past experiments, and why."""

    finding: Finding
    reason: str
    slope: Interval
    signs: Interval


def worth(effects: Sequence[Effect], alpha: float = 0.05, enough: int = ENOUGH) -> Worth:
    """Find whether a reward deserves to be chased.

    `deserves`: the signs agree in at least 90 % of the experiments, or the lower end of the slope is above
    0. `does not`: enough experiments moved something, and neither is so. `unknown`: there are too few
    experiments, or none of them moved anything by more than its noise.

    >>> up = [Effect(0.01 * k, 0.005 * k, 1e-6, 1e-6, 0.0, 900) for k in range(1, 11)]
    >>> worth(up).finding, worth(up[:9]).finding
    ('deserves', 'unknown')
    >>> gamed = [Effect(0.01 * k, -0.005 * k, 1e-6, 1e-6, 0.0, 900) for k in range(1, 11)]
    >>> worth(gamed).finding
    'does not'

    Args:
        effects: one an experiment.
        alpha: of the interval of the slope, both sides together.
        enough: fewer experiments than that are `unknown`.
    """
    line, same = slope(effects, alpha), signs(effects, alpha)
    finding, reason = _find(effects, line, same, enough)
    return Worth(finding, reason, line, same)


def effect(units: Units) -> Effect | None:
    """The effect of one experiment, each stratum compared within itself; None where nothing can be compared.

    Strata are weighted by n₁n₀/(n₁ + n₀), which is best where they have equal variances. One with fewer than
    two units in an arm is left out.
    """
    parts = [part for one in np.unique(units.stratum) if (part := _within(units, units.stratum == one))]
    if not parts:
        return None
    total = sum(size for size, _, _, _ in parts)
    shares = [size / total for size, _, _, _ in parts]
    moved = sum(share * gap for share, (_, gap, _, _) in zip(shares, parts, strict=True))
    noise = sum(share**2 * matrix for share, (_, _, matrix, _) in zip(shares, parts, strict=True))
    x, y = np.asarray(moved).tolist()
    ((xx, xy), (_, yy)) = np.asarray(noise).tolist()
    return Effect(x, y, xx, yy, xy, sum(count for _, _, _, count in parts))


def slope(effects: Sequence[Effect], alpha: float) -> Interval:
    """Slope of the outcome's true effects on the reward's, through the origin, with its interval.

    Moments with the known noise taken off, β = (S_xy − N_xy)/(S_xx − N_xx); experiments weigh by how well
    their outcome is known. The interval is the set of b that are not refuted by

        |U(b)| ≤ c·√V(b),  U = (S_xy − N_xy) − b(S_xx − N_xx),  V = S_xx·S_vv(b)/K + Σ w²(ν_xy − b ν_xx)²

    with v = y − b x, and c so that without noise it is Student's interval: it holds for ten experiments, and
    where the reward hardly moved it is endless instead of wrong.

    Returns:
        An interval; endless, with mean nan, for fewer than 3 experiments or where the reward did not move.

    Raises:
        InputError: alpha is not strictly between 0 and 1, or a variance is negative.
    """
    log_target(alpha)
    x, y, xx, yy, xy = _columns(effects)
    count = x.size
    if count < 3:
        return Interval(math.nan, -math.inf, math.inf, count)
    w = _weights(y, yy)
    own, cross = float(w @ (x * x - xx)), float(w @ (x * y - xy))
    if own <= 0:
        return Interval(math.nan, -math.inf, math.inf, count)
    reach = count * student(alpha, count - 1) ** 2 / (student(alpha, count - 1) ** 2 + count - 1)
    spread = float(w @ (x * x))
    square = own**2 - reach * (spread**2 / count + float(w**2 @ xx**2))
    linear = own * cross - reach * (spread * float(w @ (x * y)) / count + float(w**2 @ (xy * xx)))
    constant = cross**2 - reach * (spread * float(w @ (y * y)) / count + float(w**2 @ xy**2))
    if square <= 0:
        return Interval(cross / own, -math.inf, math.inf, count)
    root = math.sqrt(max(linear**2 - square * constant, 0.0))
    return Interval(cross / own, (linear - root) / square, (linear + root) / square, count)


def signs(effects: Sequence[Effect], alpha: float) -> Interval:
    """Share of the experiments in which reward and outcome moved the same way, with its interval.

    Raises:
        InputError: alpha is not strictly between 0 and 1, or a variance is negative.
    """
    return mean_interval(agreeing(effects).astype(np.float64), alpha)


def agreeing(effects: Sequence[Effect]) -> NDArray[np.bool_]:
    """Which experiments moved reward and outcome the same way, shape (K,).

    From the outcome's effect is first taken what it moves together with the reward by noise alone,
    ν_xy/(τ² + ν_xx)·x with τ² the variance of the reward's true effects: without that, experiments that
    moved nothing agree in three of four signs where units with a high reward have a good outcome.

    Raises:
        InputError: a variance is negative.
    """
    x, y, xx, _, xy = _columns(effects)
    total = (_true(x, xx) if x.size else 0.0) + xx
    pull = np.divide(xy, total, out=np.zeros_like(xy), where=total > 0)
    same: NDArray[np.bool_] = (y - pull * x) * x > 0
    return same


def moved(changes: Numbers, noise: Numbers, alpha: float) -> bool:
    """Whether at least one of these changes is more than its noise, by a χ² test at level alpha.

    Raises:
        InputError: alpha is not strictly between 0 and 1.
    """
    log_target(alpha)
    if not changes.size:
        return False
    if (noise <= 0).any():
        return bool((changes != 0).any())
    count, z = changes.size, NormalDist().inv_cdf(1 - alpha)
    limit = count * (1 - 2 / (9 * count) + z * math.sqrt(2 / (9 * count))) ** 3  # Wilson & Hilferty 1931
    return float((changes**2 / noise).sum()) > limit


def treatment_given_reward(units: Units, alpha: float) -> Interval:
    """What the treatment still says about the outcome once the reward is known; about 0 if all is well.

    Least squares of the outcome on treatment and reward within strata, with errors that need no equal
    variances (HC1; MacKinnon & White 1985). It is Prentice's third criterion, and the surrogacy of Athey et
    al.: below 0, the candidate's reward promises more than its outcome keeps.

    Returns:
        An interval; endless, with mean nan, where treatment or reward do not vary.

    Raises:
        InputError: alpha is not strictly between 0 and 1.
    """
    log_target(alpha)
    treated, reward, outcome = (
        _centred(column, units.stratum) for column in (units.treated, units.reward, units.outcome)
    )
    design = np.column_stack((treated, reward))
    inner, count = design.T @ design, reward.size
    free = count - 2 - np.unique(units.stratum).size
    if free < 1 or np.linalg.det(inner) <= 1e-12 * max(float(inner[0, 0] * inner[1, 1]), 1e-300):
        return Interval(math.nan, -math.inf, math.inf, count)
    inverse = np.linalg.inv(inner)
    coefficients = inverse @ design.T @ outcome
    left = outcome - design @ coefficients
    spread = inverse @ (design.T * left**2) @ design @ inverse * count / free
    radius = student(alpha, free) * math.sqrt(max(float(spread[0, 0]), 0.0))
    mean = float(coefficients[0])
    return Interval(mean, mean - radius, mean + radius, count)


def student(alpha: float, freedom: int) -> float:
    """The two-sided quantile of Student's t, within 1 % from 2 degrees of freedom on.

    >>> [round(student(0.05, n), 2) for n in (2, 9, 30, 10_000)]
    [4.27, 2.26, 2.04, 1.96]
    """
    z = NormalDist().inv_cdf(1 - alpha / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, 1))


def _find(effects: Sequence[Effect], line: Interval, same: Interval, enough: int) -> tuple[Finding, str]:
    if len(effects) < enough:
        return "unknown", f"{len(effects)} of at least {enough} past experiments are there"
    x, y, xx, yy, _ = _columns(effects)
    chased, wanted = moved(x, xx, 0.05), moved(y, yy, 0.05)
    if not chased and not wanted:
        return "unknown", f"none of {len(effects)} past experiments moved reward or outcome beyond noise"
    if not chased:
        return "does not", f"{len(effects)} past experiments moved the outcome, and the reward did not move"
    ends = (
        f" [{line.low:+.3f}, {line.high:+.3f}]" if math.isfinite(line.low + line.high) else ", not surely any"
    )
    steep = "slope unknown" if math.isnan(line.mean) else f"slope {line.mean:+.3f}{ends}"
    said = f"{steep}, signs agree in {same.mean:.0%} of {len(effects)} past experiments"
    if line.low > 0 or (same.mean >= AGREEING and line.high >= 0):
        return "deserves", f"what moved it moved the outcome the same way: {said}"
    return "does not", f"what moved it did not move the outcome the same way: {said}"


def _columns(effects: Sequence[Effect]) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
    table = np.array(
        [(e.reward, e.outcome, e.reward_noise, e.outcome_noise, e.shared_noise) for e in effects],
        dtype=np.float64,
    ).reshape(-1, 5)
    if not np.isfinite(table).all() or (table[:, 2:4] < 0).any():
        raise InputError("effects must be finite numbers, with variances that are not negative")
    x, y, xx, yy, xy = table.T
    return x, y, xx, yy, xy


def _true(changes: Numbers, noise: Numbers) -> float:
    """Mean square of the true effects: what is left of the observed ones without their noise."""
    return max(float((changes**2 - noise).mean()), 0.0)


def _weights(changes: Numbers, noise: Numbers) -> Numbers:
    variances = _true(changes, noise) + noise
    if (variances <= 0).any():
        return np.ones_like(variances)
    precise = 1 / variances
    weights: Numbers = precise / precise.mean()
    return weights


def _within(units: Units, here: NDArray[np.bool_]) -> tuple[float, Numbers, Numbers, int] | None:
    """Of one stratum its size as a weight, the two differences, their noise, and how many units."""
    pairs = np.column_stack((units.reward, units.outcome))
    ours, theirs = pairs[here & units.treated], pairs[here & ~units.treated]
    if len(ours) < 2 or len(theirs) < 2:
        return None
    noise = np.cov(ours.T) / len(ours) + np.cov(theirs.T) / len(theirs)
    size = len(ours) * len(theirs) / (len(ours) + len(theirs))
    return size, ours.mean(axis=0) - theirs.mean(axis=0), noise, len(ours) + len(theirs)


def _centred(column: NDArray[np.float64] | NDArray[np.bool_], stratum: NDArray[np.int64]) -> Numbers:
    values = column.astype(np.float64)
    for one in np.unique(stratum):
        values[stratum == one] -= values[stratum == one].mean()
    return values
