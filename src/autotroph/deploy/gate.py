"""What a candidate must pass before anybody meets it: evidence from the fold that no track has seen."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from autotroph.deploy import provenance
from autotroph.deploy.evidence import Difference, Evidence, Guard, increments_of, weigh
from autotroph.deploy.guards import DECLARED, Watched, bet, told, within
from autotroph.deploy.judge import Rule, judge, ruled
from autotroph.deploy.leakage import leakage, stricter, unseen
from autotroph.deploy.serving import Serving
from autotroph.deploy.sets import examined
from autotroph.deploy.sources import NOTHING, Sources
from autotroph.deploy.standing import Live, Standing
from autotroph.deploy.weighing import Weighing
from autotroph.errors import InputError
from autotroph.records import (
    Candidate,
    Completion,
    Decision,
    Interaction,
    Verdict,
)
from autotroph.spec.bounds import Bounds
from autotroph.stats.offpolicy import Log, difference_increments

Worth = Callable[[Interaction, Completion], float | None]
"""What an answer would have been worth in an interaction; None where that is unknown."""

CAP = 1.0


class Step(NamedTuple):
    """What a candidate would have earned more on a decision."""

    decision: str
    difference: Difference


class Seen(NamedTuple):
    """A recorded interaction, and what the candidate answers to it."""

    interaction: Interaction
    completion: Completion


class Rechosen(NamedTuple):
    """A recorded interaction, and how a candidate would have chosen.

    Attributes:
        new: its chances of the options that were logged, in their order.
        novel: an option that it may choose and that had no chance; empty if there is none.
    """

    interaction: Interaction
    new: list[float]
    novel: str


class Bench(NamedTuple):
    """What the gate works with.

    Attributes:
        alpha: at which "better" is to be proven later on.
        now: seconds since the epoch.
        sources: what is asked of the other rooms.
    """

    serving: Serving
    worth: Worth
    weighing: Weighing
    alpha: float
    now: float
    sources: Sources = NOTHING


def screened(
    candidate: Candidate,
    live: Live,
    standing: Standing,
    fold: Sequence[Interaction],
    bench: Bench,
    rule: Rule,
) -> Verdict:
    """What is found about a candidate before anybody meets it.

    Where it comes from is asked first, then the frozen sets, then what the fold says: on the same decisions,
    or off-policy.

    Raises:
        SpecError: the file of a set is missing, or is none.
        InputError: a case of a set has no value, or the log cannot judge the candidate.
    """
    spec, sources = bench.weighing.spec, bench.sources
    if fault := provenance.fault(candidate, standing.main, sources):
        return ruled(candidate, "refused", f"it is not what it says: {fault}", bench.now, "gate")
    exams = examined(live, standing.main, spec, bench.serving, sources)
    told = {"sets": {one.name: msgspec.to_builtins(one) for one in exams}} if exams else {}
    if fault := next((one.fault for one in exams if one.fault), ""):
        return ruled(candidate, "refused", fault, bench.now, "gate", told)
    if bench.weighing.paired:
        whole = _on_the_same(candidate, live, standing.main.release.id, fold, bench)
        verdict = _by_the_fold(candidate, whole, fold, bench, rule)
    else:
        again = rechosen(live, fold, bench.serving)
        novel = next((one.novel for one in again if one.novel), "")
        verdict = (
            _by_people(candidate, novel, bench.now, examined=bool(exams))
            if novel
            else _by_the_fold(candidate, _from_the_log(candidate, again, bench), fold, bench, rule)
        )
    return replace(verdict, evidence={**verdict.evidence, **told})


def _by_people(candidate: Candidate, novel: str, now: float, *, examined: bool) -> Verdict:
    """What the log cannot judge goes to the ladder's first step, if somebody asked for it, or a set did."""
    why = f"it may choose {novel!r}, which was never served, so that the log cannot judge it"
    if candidate.track in provenance.BY_HAND or examined:
        reason = f"{why}: people judge it, from the ladder's first step on"
        return ruled(candidate, "advance", reason, now, "gate", {"kind": "untried", "novel": novel})
    way_out = "declare [ladder] explore, or a frozen set that it has to pass"
    return ruled(candidate, "refused", f"{why}; {way_out}", now, "gate")


def _by_the_fold(
    candidate: Candidate, whole: "Whole", fold: Sequence[Interaction], bench: Bench, rule: Rule
) -> Verdict:
    """By all of the fold, and by what of it asks something that the tracks have not learned from."""
    verdict, fresh = judge(whole.evidence, rule), unseen(fold, bench.sources.learned)
    found = leakage(fold, fresh, bench.weighing.spec.task(candidate.task))
    if found.text and found.share:
        first = whole.only(fresh)
        if first.units >= rule.minimum:
            found = replace(found, judged="unseen")
            verdict = stricter(verdict, judge(first, rule), found)
    return replace(verdict, evidence={**verdict.evidence, "leakage": msgspec.to_builtins(found)})


class Whole(NamedTuple):
    """What all of the fold says, so that a part of it can be asked too."""

    evidence: Evidence
    steps: Sequence[Step]
    only_of: Callable[[Sequence[Step]], Evidence]

    def only(self, decisions: Collection[str]) -> Evidence:
        """What these decisions say; what vetoes is as for all of them."""
        some = self.only_of([one for one in self.steps if one.decision in decisions])
        return replace(some, guards=self.evidence.guards)


def _on_the_same(
    candidate: Candidate, live: Live, main: str, fold: Sequence[Interaction], bench: Bench
) -> Whole:
    answers = answered(live, fold, bench.serving)
    steps, scale = paired(main, answers, bench.worth, bench), bench.weighing.scale(bench.alpha)

    def only(some: Sequence[Step]) -> Evidence:
        return weigh(candidate, [one.difference for one in some], scale, since=0, now=bench.now)

    return Whole(replace(only(steps), guards=tuple(_unseen(main, answers, bench))), steps, only)


def _from_the_log(candidate: Candidate, again: Sequence[Rechosen], bench: Bench) -> Whole:
    span = bench.weighing.reward.range
    steps = list(_steps(again, bench.worth, span))
    scale = replace(bench.weighing.scale(bench.alpha), width=off_policy_width(_of(again), span))

    def only(some: Sequence[Step]) -> Evidence:
        found = [one.difference for one in some]
        return weigh(candidate, found, scale, since=0, now=bench.now, kind="off-policy")

    return Whole(replace(only(steps), guards=tuple(_vetoes(again, bench))), steps, only)


def _vetoes(again: Sequence[Rechosen], bench: Bench) -> Iterator[Guard]:
    """Guardrails as the log shows them; one without a range is left to the ladder, where people meet it."""
    weighing = bench.weighing
    declared = [one for one in weighing.guards.declared() if one.span is not None]
    for one in declared:
        span = one.span or (0.0, 1.0)

        def value(
            interaction: Interaction, _: Completion, name: str = one.name, span: Bounds = span
        ) -> float | None:
            decision = interaction.decision
            found = weighing.comparisons.value(decision.release, decision.id, name)
            return None if found is None else within(found, span)

        found = [each.difference for each in _steps(again, value, span)]
        increments, _ = increments_of(found, one.window, bench.now)
        level = weighing.spec.gate.alpha * DECLARED / len(declared)
        yield bet(one, increments, off_policy_width(_of(again), span), level)


def _unseen(main: str, answers: Sequence[Seen], bench: Bench) -> Iterator[Guard]:
    """Guardrails that can be told of answers nobody saw, on the same decisions."""
    weighing = bench.weighing
    for watched, level in weighing.guards.untried():

        def worth(interaction: Interaction, completion: Completion, name: str = watched.name) -> float | None:
            return bench.sources.value(name, interaction, completion)

        found = paired(main, answers, worth, bench, watched)
        yield told(watched, [one.difference for one in found], level, bench.now)


def answered(live: Live, fold: Iterable[Interaction], serving: Serving) -> list[Seen]:
    """What the candidate answers to the fold's recorded inputs."""
    found = []
    for interaction in fold:
        decision = interaction.decision
        _, completion = serving.shadow(decision, live, serving.offered(decision, live))
        found.append(Seen(interaction, completion))
    return found


def paired(
    main: str, answers: Iterable[Seen], worth: Worth, bench: Bench, watched: Watched | None = None
) -> list[Step]:
    """The candidate's answers against the incumbent's, by the reward or by a guardrail."""
    name, span = (watched.name, watched.span) if watched else ("", None)
    found = []
    for interaction, completion in answers:
        decision = interaction.decision
        theirs = bench.weighing.comparisons.value(main, decision.id, name)
        ours = worth(interaction, completion)
        if theirs is not None and ours is not None:
            better = within(ours, span) - within(theirs, span)
            difference = Difference(decision.unit, decision.at, better, decision.verified)
            found.append(Step(decision.id, difference))
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
    return [one.difference for one in _steps(rechosen(live, fold, serving), worth, span)]


def rechosen(live: Live, fold: Iterable[Interaction], serving: Serving) -> list[Rechosen]:
    """The fold's decisions with the chances that a release would have given its own options."""
    found = []
    for interaction in fold:
        decision = interaction.decision
        answered, _ = serving.shadow(decision, live, serving.offered(decision, live))
        chances = {one.id: one.probability for one in answered.options}
        known = {one.id for one in decision.options if one.probability > 0.0}
        novel = next((name for name, chance in chances.items() if chance > 0.0 and name not in known), "")
        new = [chances.get(one.id, 0.0) for one in decision.options]
        found.append(Rechosen(interaction, new, novel))
    return found


def _of(again: Iterable[Rechosen]) -> list[Interaction]:
    return [one.interaction for one in again]


def _steps(again: Iterable[Rechosen], worth: Worth, span: tuple[float, float]) -> Iterator[Step]:
    low, high = span
    for interaction, new, novel in again:
        decision = interaction.decision
        value = worth(interaction, interaction.completion)
        if value is None:
            continue
        if novel:
            raise InputError(f"the candidate may choose {novel!r}, which was never served")
        log = _log(decision, new, (value - low) / (high - low))
        step = float(difference_increments(log, CAP)[0]) * (high - low)
        yield Step(decision.id, Difference(decision.unit, decision.at, step, decision.verified))


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
