"""Which arm a unit is in: sticky by hash, reproducible without storage.

The holdback hashes with the product's salt, so that it is the same people for every task and for good.
A canary's cohort hashes with the candidate's id, so that moving from one share to the next adds people
and reshuffles nobody. After a promotion a small share stays with what was replaced: it, too, hashes with the
id of what was promoted, and is a concurrent control for as long as that serves.

An experiment by hand takes its share of those who are left by the holdback, by a hash with its own id, and
the ladder draws among the others: so neither depends on the other, and nobody is in both.
"""

import msgspec

from autotroph.clock import draw
from autotroph.deploy.standing import Live, Standing
from autotroph.records import Arm


class Cohort(msgspec.Struct, frozen=True):
    """The arm of a unit, the release that it therefore gets, and the probability of that arm."""

    arm: Arm
    live: Live
    p_arm: float


def cohort(unit: str, salt: str, standing: Standing, holdback: float, watch: float = 0.0) -> Cohort:
    """Assign a unit to its arm; the concurrent control is as large as the canary, as far as it can be.

    Args:
        unit: its id.
        salt: the product's.
        standing: what stands.
        holdback: the share that stays with release 0.
        watch: the share of the rest that stays with what was replaced.
    """
    if draw(salt, "holdback", unit) < holdback:
        return Cohort("holdback", standing.zero, holdback)
    rest = 1.0 - holdback
    for one in standing.experiments:
        place, count = draw(one.experiment, unit) / one.share, len(one.lives)
        if place < 1.0:
            return Cohort("experiment", one.lives[int(place * count)], rest * one.share / count)
        rest *= 1.0 - one.share
    return _on_the_ladder(unit, standing, rest, watch)


def _on_the_ladder(unit: str, standing: Standing, rest: float, watch: float) -> Cohort:
    """The arm of a unit that is neither held back nor in an experiment, as `rest` of them are not."""
    if standing.parent is not None and watch:
        if draw(standing.main.release.candidate, "watch", unit) < watch:
            return Cohort("control", standing.parent, rest * watch)
        rest *= 1.0 - watch
    if standing.canary is None:
        return Cohort("main", standing.main, rest)
    share = standing.canary.stage.share
    control = min(share, 1.0 - share)
    place = draw(standing.canary.release.candidate, unit)
    if place < share:
        return Cohort("candidate", standing.canary, rest * share)
    if place < share + control:
        return Cohort("control", standing.main, rest * control)
    return Cohort("main", standing.main, rest * (1.0 - share - control))
