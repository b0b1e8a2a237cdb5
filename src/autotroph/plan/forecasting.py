"""How many days each stage of the ladder will take, at today's traffic, if a candidate is so much better.

The ladder is played through, a hundred times and more, by the rules of `judge`: units come in at the rate of
today, their differences have the mean that is assumed and the variance that was measured, and a stage ends
when its floor has passed, the fewest units are in, and all that it takes to climb is proven. The median is
told.

Differences are drawn as −a, 0 or a, which is exact for rewards of 0 or 1; otherwise two moments and the
longest tails that a bell has are right, and that is what a bet grows by. Many pairs are drawn at once, so
that a year on the ladder takes a quarter of a second.
"""

import math
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from autotroph.deploy.desk import PROOF_SHARE
from autotroph.deploy.guards import CLEARED, PLANNED, REWARD
from autotroph.plan.traffic import Flow
from autotroph.stats.betting import FRACTIONS, WEIGHTS, log_target
from autotroph.stats.confidence import BURN_IN, radius_of

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Kind = Literal["split", "paired"]

RUNS = 250
LIMIT = 730.0
"""Days after which a stage is given up on."""


SOON = 30
"""A stage that takes no proof is over before so many times its fewest units are in."""


class Reward(msgspec.Struct, frozen=True, kw_only=True):
    """What units come to.

    Attributes:
        mean, variance: of a unit's reward; `width`: of the reward's range.
        alike: the correlation of two releases' rewards on the same decision; 0 where nobody knows.
    """

    mean: float
    variance: float
    width: float
    alike: float = 0.0


class Guarded(msgspec.Struct, frozen=True, kw_only=True):
    """A guardrail to be proven no worse: the variance of a unit's value; no width where it has no range."""

    name: str
    variance: float
    width: float | None
    margin: float


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the ladder asks, in days where it is time.

    Attributes:
        margin: how much worse is no worse yet.
        alpha: at which better is proven; `level`: of harm, and of no worse.
        outside: share of the people who never meet a candidate.
        cycle: between two looks.
    """

    steps: tuple[float, ...]
    floor: float
    patience: float
    minimum: int
    horizon: float
    margin: float
    alpha: float
    level: float
    outside: float = 0.0
    cycle: float = 0.0
    guards: tuple[Guarded, ...] = ()


class StageAhead(msgspec.Struct, frozen=True, kw_only=True):
    """A stage that lies ahead.

    Attributes:
        name: `shadow`, or `canary`; `share`: of the people who meet the candidate.
        days: in half of the runs, None where that is more than LIMIT; `units`: that are in by then.
        waits: what it waits for longest.
        impatient: in which share of the runs its patience ends before, so that the candidate is refused.
    """

    name: str
    share: float
    days: float | None
    units: int | None
    waits: str
    impatient: float


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """A ladder that lies ahead.

    Attributes:
        effect: what the candidate is assumed to be better by.
        days: in half of the runs until it serves everybody; None where that is too long to say.
        late: in nine of ten.
        climbs: in which share of the runs it gets there before any patience ends.
    """

    kind: Kind
    effect: float
    days: float | None
    late: float | None
    climbs: float
    stages: tuple[StageAhead, ...]


class _Proof(NamedTuple):
    """A bet on differences, whether they are turned round, and the log wealth that ends it."""

    threshold: float
    target: float
    turned: bool = False


class _Asked(NamedTuple):
    """What a stage takes: pairs a day, whether two arms of people are paired, and what is to be proven."""

    name: str
    share: float
    rate: float
    arms: int
    floor: float
    proofs: dict[str, _Proof]
    harm: _Proof
    guarded: bool


def forecast(kind: Kind, flow: Flow, reward: Reward, effect: float, terms: Terms) -> Forecast:
    """Play the ladder through; the same arguments give the same forecast.

    >>> flow = Flow(days=28, units=2000, decisions=1, feedback=0.5)
    >>> terms = Terms(steps=(0.1, 0.5, 1.0), floor=1, patience=28, minimum=30, horizon=0.1, margin=0.02,
    ...               alpha=0.02, level=0.05)
    >>> coin = Reward(mean=0.3, variance=0.21, width=1.0)
    >>> found = forecast("split", flow, coin, 0.06, terms)
    >>> [(one.name, one.share, one.waits) for one in found.stages]
    [('canary', 0.1, 'its floor'), ('canary', 0.5, 'better, proven')]

    Args:
        kind: whether candidates are compared between people, or on the same decisions first.
        flow: how much comes in.
        reward: what units come to.
        effect: what the candidate is better by, in reward.
        terms: what the ladder asks.
    """
    luck, pair = np.random.default_rng(0), _Pair(kind, reward, effect)
    days, patient, stages = np.zeros(RUNS), np.ones(RUNS, np.bool_), []
    for asked in _stages(kind, flow.known * (1.0 - terms.outside), terms):
        played = _played(luck, pair, asked, terms)
        patient &= played.days <= terms.patience
        days += played.days
        stages.append(_ahead(asked, played, terms.patience))
    return Forecast(
        kind=kind,
        effect=effect,
        days=_quantile(days, 0.5),
        late=_quantile(days, 0.9),
        climbs=float(patient.mean()),
        stages=tuple(stages),
    )


def _ahead(asked: _Asked, played: "_Played", patience: float) -> StageAhead:
    middle = _quantile(played.days, 0.5)
    return StageAhead(
        name=asked.name,
        share=asked.share,
        days=middle,
        units=None if middle is None else int(np.median(played.pairs)),
        waits=played.waits,
        impatient=float((played.days > patience).mean()),
    )


def _quantile(days: Numbers, part: float) -> float | None:
    found = float(np.quantile(days, part, method="higher"))
    return found if math.isfinite(found) else None


def _stages(kind: Kind, rate: float, terms: Terms) -> list[_Asked]:
    """What each stage takes, as `Desk.rule` asks it."""
    better = _Proof(0.0, log_target(terms.alpha))
    no_worse = _Proof(-terms.margin, log_target(terms.level))
    harm = _Proof(terms.margin, log_target(terms.level * REWARD), turned=True)
    alone = harm._replace(target=log_target(terms.level))  # nothing vetoes in shadow
    found = [_Asked("shadow", 0.0, rate, 1, 0.0, {"better": better}, alone, guarded=False)]
    if kind == "split":
        found = []
    shares = [step for step in terms.steps if step < 1.0]
    for share in shares:
        last = share == shares[-1]
        proofs = {}
        if kind == "split" and (last or share >= PROOF_SHARE):
            proofs = {"no worse": no_worse} | ({"better": better} if last else {})
        part, arms = (min(share, 1.0 - share), 2) if kind == "split" else (share, 1)
        guarded = share >= PROOF_SHARE or last
        found.append(_Asked("canary", share, rate * part, arms, terms.floor, proofs, harm, guarded=guarded))
    return found


class _Pair:
    """How the candidate's units differ from what serves: −a, 0 or a, with these probabilities."""

    def __init__(self, kind: Kind, reward: Reward, effect: float) -> None:
        variance = 2.0 * reward.variance * ((1.0 - reward.alike) if kind == "paired" else 1.0)
        second = max(variance, 1e-12) + effect * effect
        tails = [reward.width, math.sqrt(3.0 * second)]
        self.size = max(min([*tails, second / abs(effect)] if effect else tails), math.sqrt(second))
        self.width, differs, leans = reward.width, second / self.size**2, effect / self.size
        self.up, self.down = max((differs + leans) / 2, 0.0), max((differs - leans) / 2, 0.0)


class _Path(NamedTuple):
    """Runs at growing numbers of pairs: how many there are, and how many were won and lost; all of them."""

    pairs: NDArray[np.int64]
    won: NDArray[np.int64]
    lost: NDArray[np.int64]


class _Played(NamedTuple):
    """How many days each run took, infinite where it never ends well; how many pairs; what it waited for."""

    days: Numbers
    pairs: NDArray[np.int64]
    waits: str


def _played(luck: np.random.Generator, pair: _Pair, asked: _Asked, terms: Terms) -> _Played:
    path = _walk(luck, pair, _most(asked, terms))
    arrived = _arrivals(luck, path.pairs, asked) + 2 * terms.horizon
    guarded = _guarded(luck, asked, terms) if asked.guarded else np.zeros(RUNS)
    reasons = _reasons(path, pair, asked, terms)
    harmed = _wealth(path, pair, asked.harm) >= asked.harm.target
    ready = np.logical_and.reduce(list(reasons.values())) & ~harmed
    ends = _when(ready, arrived, np.maximum(asked.floor, guarded))
    firsts = {"its floor": asked.floor, "its guardrails": float(np.median(guarded))}
    firsts |= {name: float(np.median(_when(flags, arrived, 0.0))) for name, flags in reasons.items()}
    longest = max(firsts.values())
    waits = next(name for name, days in firsts.items() if days >= 0.9 * longest)
    days = np.ceil(ends / terms.cycle - 1e-9) * terms.cycle if terms.cycle else ends
    after = np.where(ready.any(axis=1), ready.argmax(axis=1), path.pairs.size - 1)
    return _Played(days, path.pairs[after], waits)


def _reasons(path: "_Path", pair: _Pair, asked: _Asked, terms: Terms) -> dict[str, Flags]:
    """What it takes, and from when on each of it is there."""
    mean = (path.won - path.lost) * pair.size / path.pairs
    found: dict[str, Flags] = {"the fewest units": np.broadcast_to(path.pairs >= terms.minimum, mean.shape)}
    if asked.name == "canary":
        found["not looking worse"] = mean >= -terms.margin
    for name, proof in asked.proofs.items():
        found[f"{name}, proven"] = _wealth(path, pair, proof) >= proof.target
    return found


def _most(asked: _Asked, terms: Terms) -> float:
    """Of how many pairs a stage has surely seen enough."""
    longest = asked.rate * LIMIT
    return longest if asked.proofs else min(longest, 2 * asked.rate * asked.floor + SOON * terms.minimum)


def _walk(luck: np.random.Generator, pair: _Pair, most: float) -> _Path:
    """Pair by pair at first, then in steps of a fortieth."""
    pairs, last = [], 0
    while last < min(max(most, 1.0), 1e7):
        last += max(1, last // 40)
        pairs.append(last)
    blocks = np.diff(pairs, prepend=0)
    won = luck.binomial(blocks, pair.up, (RUNS, blocks.size))
    lost = luck.binomial(blocks - won, min(pair.down / max(1.0 - pair.up, 1e-12), 1.0))
    return _Path(np.array(pairs), np.cumsum(won, axis=1), np.cumsum(lost, axis=1))


def _arrivals(luck: np.random.Generator, pairs: NDArray[np.int64], asked: _Asked) -> Numbers:
    """When so many pairs are in, in days: units come as they come, and the smaller arm is waited for."""
    if not asked.rate:
        return np.full((RUNS, pairs.size), np.inf)
    blocks = np.diff(pairs, prepend=0)
    arms = [np.cumsum(luck.gamma(blocks, size=(RUNS, blocks.size)), axis=1) for _ in range(asked.arms)]
    found: Numbers = np.maximum.reduce(arms) / asked.rate
    return found


def _wealth(path: _Path, pair: _Pair, proof: _Proof) -> Numbers:
    """The largest log wealth so far, as `betting` has it."""
    won, lost = (path.lost, path.won) if proof.turned else (path.won, path.lost)
    none = path.pairs - won - lost
    wealth = np.zeros(won.shape)
    for fraction, weight in zip(FRACTIONS, WEIGHTS, strict=True):
        stake = fraction / (pair.width + proof.threshold)
        up, down, still = (
            math.log1p(stake * (value - proof.threshold)) for value in (pair.size, -pair.size, 0.0)
        )
        wealth += weight * np.exp(np.minimum(won * up + lost * down + none * still, 700.0))
    found: Numbers = np.log(np.maximum.accumulate(wealth, axis=1))
    return found


def _when(ready: Flags, arrived: Numbers, earliest: Numbers | float) -> Numbers:
    """When each run is ready and the earliest time has passed; infinite where it is not within the limit.

    What was ready once and is not any more when the earliest time comes has to become ready again.
    """
    start = np.broadcast_to(np.asarray(earliest, dtype=np.float64), (len(ready),))[:, None]
    until = np.append(arrived[:, 1:], np.full((len(arrived), 1), np.inf), axis=1)
    found = ready & (until > start) & (arrived <= LIMIT)
    times = np.maximum(np.take_along_axis(arrived, found.argmax(axis=1)[:, None], axis=1), start)[:, 0]
    ends: Numbers = np.where(found.any(axis=1), times, np.inf)
    return ends


def _guarded(luck: np.random.Generator, asked: _Asked, terms: Terms) -> Numbers:
    """When every guardrail is proven to be no worse, if it is the same, between two arms of people."""
    days = np.zeros(RUNS)
    rate = asked.rate if asked.arms == 2 else asked.rate * min(1.0, (1.0 - asked.share) / asked.share)
    arms = asked._replace(arms=2, rate=rate)
    for guard in terms.guards:
        pair = _Pair("split", Reward(mean=0.0, variance=guard.variance, width=guard.width or math.inf), 0.0)
        path = _walk(luck, pair, rate * LIMIT)
        if guard.width is None:
            cleared = np.broadcast_to(_narrow(path.pairs, guard), path.won.shape)
        else:
            proof = _Proof(-guard.margin, log_target(CLEARED))
            cleared = _wealth(path, pair, proof) >= proof.target
        arrived = _arrivals(luck, path.pairs, arms) + 2 * terms.horizon
        days = np.maximum(days, _when(cleared, arrived, 0.0))
    return days


def _narrow(pairs: NDArray[np.int64], guard: Guarded) -> Flags:
    """Whether an interval in the limit is narrower than the margin."""
    radii = np.array([radius_of(int(n), CLEARED, PLANNED, "lower") for n in pairs])
    enough: Flags = (pairs >= BURN_IN) & (math.sqrt(2.0 * guard.variance) * radii < guard.margin)
    return enough
