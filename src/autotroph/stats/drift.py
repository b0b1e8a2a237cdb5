"""Has the mean reward fallen below its reference? An e-detector, looked at after every reward.

For each stake λ = c/(ceiling − m0) a bet "it has fallen" is restarted whenever it is below its start:

    M_t^λ = max(M_{t−1}^λ, 1)·(1 + λ(m0 − x_t)),        alarm when mean_λ M_t^λ ≥ A

As long as the mean of every next reward, given the past, is at least m0, the expected time to a false alarm
is at least A. The statistics are averaged, not the increments: each stake finds the drop that suits it (a
drop of half in 96 rewards against 159). m0 is the lower bound of a reference window minus what is tolerated.

Source: Shin, Ramdas & Rinaldo 2024, "E-detectors: a nonparametric framework for sequential change detection"
(New England Journal of Statistics in Data Science).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError

FRACTIONS: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4, 0.6)
"""Stakes c: at a base of .3 a fifth less is found best by .2, a half less by .5."""


@dataclass(frozen=True, slots=True)
class Detector:
    """A running e-detector; `begin`, then `update`.

    Attributes:
        reference: m0, the mean that the reward must not fall below.
        ceiling: the largest possible reward.
        patience: A, at least so many rewards pass on average before a false alarm.
        logs: log M per fraction.
        n: rewards seen; `alarmed_at`: after how many of them the first alarm came, or None.
    """

    reference: float
    ceiling: float
    patience: float
    logs: tuple[float, ...]
    n: int = 0
    alarmed_at: int | None = None

    @property
    def level(self) -> float:
        """How far the evidence is on its way to the alarm, 0 to 1, on a log scale; for a gauge."""
        mean_log = float(np.logaddexp.reduce(np.asarray(self.logs))) - math.log(len(self.logs))
        return max(mean_log, 0.0) / math.log(self.patience)


def begin(reference: float, *, patience: float = 5_000, ceiling: float = 1.0) -> Detector:
    """Start watching rewards in [.., ceiling] for a mean below `reference`.

    >>> luck = np.random.default_rng(0)
    >>> rewards = np.concatenate((luck.random(5000) < 0.32, luck.random(1000) < 0.15))   # drops at step 5000
    >>> update(begin(reference=0.3), rewards).alarmed_at
    5103

    Raises:
        InputError: reference is not below the ceiling, or patience is not above 1.
    """
    if not (math.isfinite(reference) and reference < ceiling < math.inf and 1 < patience < math.inf):
        raise InputError(
            f"reference {reference} must be below the ceiling {ceiling}, and patience {patience} above 1"
        )
    return Detector(float(reference), float(ceiling), float(patience), (0.0,) * len(FRACTIONS))


def update(detector: Detector, rewards: NDArray[np.float64] | Sequence[float]) -> Detector:
    """Watch more rewards, in their order. The first alarm stays; begin anew after dealing with it.

    Args:
        detector: where the watch stands.
        rewards: shape (m,), none above the ceiling; one per unit where units repeat.

    Raises:
        InputError: a reward is not finite or above the ceiling; nothing was counted.
    """
    x = np.asarray(rewards, dtype=np.float64)
    if x.ndim != 1 or not (np.isfinite(x) & (x <= detector.ceiling + 1e-9)).all():
        raise InputError(f"rewards must be a flat list of finite numbers at most {detector.ceiling}")
    if not x.size:
        return detector
    paths = _log_paths(detector, np.minimum(x, detector.ceiling))
    loud = np.logaddexp.reduce(paths, axis=1) - math.log(paths.shape[1]) >= math.log(detector.patience)
    first = detector.n + int(loud.argmax()) + 1 if loud.any() else None
    return replace(
        detector,
        logs=tuple(paths[-1].tolist()),
        n=detector.n + x.size,
        alarmed_at=first if detector.alarmed_at is None else detector.alarmed_at,
    )


def _log_paths(detector: Detector, x: NDArray[np.float64]) -> NDArray[np.float64]:
    # (m, J). log M_t = max(log M_{t−1}, 0) + g_t is a running sum minus its lowest earlier value below 0.
    stakes = np.asarray(FRACTIONS) / (detector.ceiling - detector.reference)
    gains = np.log1p(np.outer(detector.reference - x, stakes))
    sums = np.add.accumulate(np.vstack((detector.logs, gains)), axis=0)
    lows = np.minimum.accumulate(np.minimum(sums[:-1], 0.0), axis=0)
    paths: NDArray[np.float64] = sums[1:] - lows
    return paths
