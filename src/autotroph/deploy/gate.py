"""What a candidate must pass before anybody meets it: evidence from the fold that no track has seen."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from autotroph.deploy.comparisons import Comparisons
from autotroph.deploy.evidence import Difference, Evidence, Guard, increments_of, weigh
from autotroph.deploy.guards import DECLARED, bet
from autotroph.deploy.serving import Serving
from autotroph.deploy.standing import Live, Standing
from autotroph.deploy.weighing import Weighing
from autotroph.records import Candidate, Decision, Interaction, Proposal
from autotroph.spec.bounds import Bounds
from autotroph.stats.offpolicy import Log, difference_increments

Worth = Callable[[Interaction, Proposal], float | None]
"""What an answer would have been worth in an interaction; None where that is unknown."""

CAP = 1.0


class Bench(NamedTuple):
    """What the gate works with.

    Attributes:
        alpha: at which "better" is to be proven later on.
        now: seconds since the epoch.
    """

    serving: Serving
    worth: Worth
    weighing: Weighing
    alpha: float
    now: float


def screened(
    candidate: Candidate, live: Live, standing: Standing, fold: Sequence[Interaction], bench: Bench
) -> Evidence:
    """What the fold says about a candidate, on the same decisions or off-policy.

    Raises:
        InputError: the log cannot judge it.
    """
    weighing = bench.weighing
    scale = weighing.scale(bench.alpha)
    if weighing.paired:
        main = standing.main.release.id
        found = paired(live, main, fold, bench.serving, bench.worth, weighing.comparisons)
        return weigh(candidate, found, scale, since=0, now=bench.now)
    span = weighing.reward.range
    found = off_policy(live, fold, bench.serving, bench.worth, span)
    scale = replace(scale, width=off_policy_width(fold, span))
    evidence = weigh(candidate, found, scale, since=0, now=bench.now, kind="off-policy")
    return replace(evidence, guards=tuple(_vetoes(live, fold, bench)))


def _vetoes(live: Live, fold: Sequence[Interaction], bench: Bench) -> Iterator[Guard]:
    """Guardrails as the log shows them; one without a range is left to the ladder, where people meet it."""
    weighing = bench.weighing
    declared = [one for one in weighing.guards.declared() if one.span is not None]
    for one in declared:
        span = one.span or (0.0, 1.0)

        def value(
            interaction: Interaction, _: Proposal, name: str = one.name, span: Bounds = span
        ) -> float | None:
            decision = interaction.decision
            found = weighing.comparisons.value(decision.release, decision.id, name)
            return found if found is None else min(max(found, span[0]), span[1])

        found = off_policy(live, fold, bench.serving, value, span)
        increments, _ = increments_of(found, one.window, bench.now)
        level = weighing.spec.gate.alpha * DECLARED / len(declared)
        yield bet(one, increments, off_policy_width(fold, span), level)


def paired(
    live: Live, main: str, fold: Iterable[Interaction], serving: Serving, worth: Worth, known: Comparisons
) -> list[Difference]:
    """The candidate answers the fold's recorded inputs; its answers against the incumbent's."""
    found = []
    for interaction in fold:
        decision = interaction.decision
        theirs = known.value(main, decision.id)
        if theirs is None:
            continue
        shadow, completion = serving.shadow(decision, live, serving.offered(decision, live))
        ours = worth(interaction, Proposal(shadow.option, completion.output))
        if ours is not None:
            found.append(Difference(decision.unit, decision.at, ours - theirs, decision.verified))
    return found


def ripe(fold: Iterable[Interaction], window: float, now: float) -> int:
    """How many units of the fold can be judged: their window and their rewards' horizon have passed."""
    return len({one.decision.unit for one in fold if now >= one.decision.at + 2 * window})


def explored(fold: Iterable[Interaction]) -> list[Interaction]:
    """Those of whom the log can show what others would have earned: nobody explores in the holdback."""
    return [one for one in fold if one.decision.arm != "holdback"]


def off_policy(
    live: Live, fold: Iterable[Interaction], serving: Serving, worth: Worth, span: tuple[float, float]
) -> list[Difference]:
    """What the candidate's policy would have earned on what was served, by inverse propensity.

    The differences are in units of the reward, of a size of at most `off_policy_width`.

    Raises:
        InputError: the candidate may choose what was never served, so that the log cannot judge it.
    """
    low, high = span
    found = []
    for interaction in fold:
        decision = interaction.decision
        taken = next(one for one in decision.proposals if one.option == decision.option)
        value = worth(interaction, taken)
        if value is None:
            continue
        answered, _ = serving.shadow(decision, live, decision.proposals)
        new = [option.probability for option in answered.options]
        log = _log(decision, new, (value - low) / (high - low))
        step = float(difference_increments(log, CAP)[0]) * (high - low)
        found.append(Difference(decision.unit, decision.at, step, decision.verified))
    return found


def off_policy_width(fold: Iterable[Interaction], span: tuple[float, float]) -> float:
    """How large a difference can be, known before any reward: by the smallest probability logged."""
    chances = [option.probability for one in fold for option in one.decision.options]
    least = min((chance for chance in chances if chance > 0), default=1.0)
    return (span[1] - span[0]) * (1.0 / least + CAP)


def _log(decision: Decision, new: Sequence[float], reward: float) -> Log:
    old = [option.probability for option in decision.options]
    taken = [option.id for option in decision.options].index(decision.option)
    return Log(
        new=np.array([new]),
        old=np.array([old]),
        taken=np.array([taken]),
        reward=np.array([reward]),
        predicted=np.zeros((1, len(old))),
    )
