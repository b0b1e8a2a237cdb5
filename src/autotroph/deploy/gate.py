"""What a candidate must pass before anybody meets it: evidence from the fold that no track has seen."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from autotroph.deploy.comparisons import Comparisons
from autotroph.deploy.evidence import Difference
from autotroph.deploy.serving import Serving
from autotroph.deploy.standing import Live
from autotroph.records import Decision, Interaction, Proposal
from autotroph.stats.offpolicy import Log, difference_increments

Worth = Callable[[Interaction, Proposal], float | None]
"""What an answer would have been worth in an interaction; None where that is unknown."""

CAP = 1.0


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
            found.append(Difference(decision.unit, decision.at, ours - theirs))
    return found


def ripe(fold: Iterable[Interaction], window: float, now: float) -> int:
    """How many units of the fold can be judged: their window and their rewards' horizon have passed."""
    return len({one.decision.unit for one in fold if now >= one.decision.at + 2 * window})


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
        found.append(Difference(decision.unit, decision.at, step))
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
