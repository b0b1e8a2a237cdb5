"""How many lying units a verdict would have survived.

If a share k of the units lies as hard as a reward allows (+1 for the candidate) and the rest gains at most
the margin m, the measured gain is at most (1 − k)·m + k. So a lower bound L above that refutes "at most m"
even if k of the units lied:

    k* = (L − m)/(1 − m)

It is a promise about votes, one a verified unit; unverified units can be made in any number and count zero.
Source: the breakdown point of a mean of bounded values (Hampel 1971; Huber & Ronchetti 2009, chapter 11).
"""

import math
from dataclasses import dataclass

from autotroph.errors import InputError


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a verdict survives: a `share` of its units, and that as a `count` of them."""

    share: float
    count: int


def certificate(
    lower: float,
    margin: float,
    units: int,
    *,
    verified: bool = True,
    arm_share: float = 1.0,
    largest: float = 1.0,
) -> Certificate:
    """Share and count of lying units that a gain of at least `lower` would have survived.

    >>> certificate(lower=0.062, margin=0.02, units=2400)
    Certificate(share=0.04285714285714285, count=102)
    >>> certificate(lower=0.062, margin=0.02, units=2400, verified=False)
    Certificate(share=0.0, count=0)
    >>> certificate(lower=0.01, margin=0.02, units=2400)              # never negative
    Certificate(share=0.0, count=0)

    Args:
        lower: L, lower bound of the gain (nan or −inf where nothing is known).
        margin: m, the gain that had to be exceeded.
        units: how many units are in this verdict.
        verified: whether every one of them is vouched for by a server-side key.
        arm_share: share of the candidate's arm, where liars can choose their arm: all of them are then in it,
            so that a share k of everybody is k/arm_share of the arm, and the certificate shrinks by as much.
        largest: the largest gain a single unit can show; the reward's span.

    Raises:
        InputError: margin ≥ largest, units below 0, or an arm share outside (0, 1].
    """
    if not margin < largest or units < 0 or not 0 < arm_share <= 1:
        raise InputError(
            f"margin {margin} must be below the largest gain {largest}, units {units} at least 0, "
            f"and the arm's share {arm_share} in (0, 1]"
        )
    survived = (lower - margin) / (largest - margin) * arm_share if verified and lower > margin else 0.0
    return Certificate(min(survived, 1.0), math.floor(min(survived, 1.0) * units))


def units_needed(liars: float, population: int, share: float) -> int | None:
    """How many units a verdict needs before liars who arrive together cannot fill it: liars·population/share.

    >>> units_needed(liars=0.005, population=20_000, share=0.04)
    2500
    >>> units_needed(liars=0.005, population=20_000, share=0.0) is None      # no number is enough
    True

    Args:
        liars: the share of the active population that is assumed to lie.
        population: how many units are active.
        share: the certificate's share.

    Raises:
        InputError: liars or share outside [0, 1], or a negative population.
    """
    if not (0 <= liars <= 1 and 0 <= share <= 1 and population >= 0):
        raise InputError(
            f"liars {liars} and share {share} must be in [0, 1], population {population} at least 0"
        )
    crowd = liars * population
    return (0 if crowd == 0 else None) if share == 0 else math.ceil(crowd / share - 1e-9)
