"""What a decision was worth: a declared expression, its range, its horizon, and its rule for silence.

A decision made at `t` with a horizon `h` has a final value from `t + h` on; before that it is provisional,
or pending while it is unknown. A signal counts if its *event time* is before `t + h`, however late it
arrives: one that comes later than the value was final moves it, by another row, and the newest row counts.

An answer that failed earns nothing: its reward is the low end of the range, whatever was said about it or is
declared. What guards, and what is true, is asked of it as of any other: it took its time and its money.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Literal

import msgspec

from autotroph.clock import digest
from autotroph.records import Completion, Decision, Interaction, MeasureKind, Reward, Value, canonical
from autotroph.spec import Expression, GuardrailSpec, MeasureSpec, ResponseSpec, RewardSpec, SignalSpec, Spec
from autotroph.spec.unseen import unseen

Row = dict[str, float | str | None]


class Score(msgspec.Struct, frozen=True):
    """A value, or None where it is unknown; whether it can still move; whether it had left its range."""

    value: float | None
    final: bool
    clipped: bool


class Measure:
    """One version of a declared reward, guardrail or outcome, ready to score answers.

    Args:
        name: what the declaration calls it.
        kind: which of the three.
        declared: horizon and silence; of a reward, range and whom it scores.
        expression: its compiled value.
        signals: the declared signals that it reads.
    """

    def __init__(
        self,
        name: str,
        kind: MeasureKind,
        declared: MeasureSpec,
        expression: Expression,
        signals: Mapping[str, SignalSpec],
    ) -> None:
        self.name, self.kind = name, kind
        self.declared, self.expression = declared, expression
        self.signals = {each: signals[each] for each in sorted(expression.names & signals.keys())}
        rules = {each: rule for each, rule in declared.silent.items() if rule != "unknown"}
        self.responses = {each: rule for each, rule in rules.items() if isinstance(rule, ResponseSpec)}
        self.silent: dict[str, Value] = {
            each: 0.0 if isinstance(rule, ResponseSpec) else rule for each, rule in rules.items()
        }

    @cached_property
    def version(self) -> str:
        """The hash of all that decides a value: expression, range, horizon, silence, scope, signals."""
        declared = msgspec.structs.replace(self.declared, value="")
        if isinstance(declared, GuardrailSpec):  # how it is judged decides no value
            declared = MeasureSpec(value="", horizon=declared.horizon, silent=declared.silent)
        rest = msgspec.to_builtins([declared, self.signals], enc_hook=float)
        return digest("measure", self.kind, self.expression.digest, canonical(rest))

    @property
    def horizon(self) -> float:
        """Seconds from a decision until its value is final."""
        return float(self.declared.horizon)

    @property
    def scores(self) -> Literal["served", "any"]:
        """Whether it can score an answer that nobody was shown; of an outcome nobody asks."""
        if isinstance(self.declared, RewardSpec):
            return self.declared.scores
        told = self.kind == "guardrail" and unseen(self.expression.names, self.signals)
        return "any" if told else "served"

    def final(self, decided_at: float, now: float) -> bool:
        """Whether the horizon has passed."""
        return now >= decided_at + self.horizon

    def of(self, interaction: Interaction, *, final: bool) -> Score:
        """What an interaction is worth; to a reward one that failed is worth the least there is."""
        if interaction.completion.error and isinstance(self.declared, RewardSpec):
            return Score(value=self.declared.range[0], final=final, clipped=False)
        columns = answer_columns(interaction.decision, interaction.completion)
        return self.score(columns, interaction.signals, final=final)

    def score(
        self, answer: Mapping[str, float | str | None], signals: Mapping[str, Value], *, final: bool
    ) -> Score:
        """What an answer that did not fail is worth.

        Args:
            answer: its columns, see `answer_columns`.
            signals: those that count, see `ingest.joining`.
            final: whether the horizon has passed: only then does silence mean what was declared, and
                until then a signal that did not come is unknown.
        """
        said = {**signals, **self._answered(signals)} if self.responses else signals
        row = {**self.silent, **said, **answer} if final else {**said, **answer}
        value = self.expression.evaluate(row)
        if value is None or not isinstance(self.declared, RewardSpec):
            return Score(value=value, final=final, clipped=False)
        low, high = self.declared.range
        within = min(max(value, low), high)
        return Score(value=within, final=final, clipped=within != value)

    def _answered(self, signals: Mapping[str, Value]) -> dict[str, Value]:
        """Who answered also counts for those who thought the same and were silent."""
        return {
            name: float(signals[name]) / response.heard
            for name, response in self.responses.items()
            if name in signals
        }


def measure_of(spec: Spec, task: str) -> Measure:
    """The reward of a task; UnknownName for a task, SpecError for one without a reward.

    >>> from autotroph.spec import SKELETON, parse
    >>> reward = measure_of(parse(SKELETON), "route")
    >>> reward.score({"cost_usd": 0.01}, {"resolved": True}, final=False)
    Score(value=0.8, final=False, clipped=False)
    >>> reward.score({"cost_usd": 0.01}, {}, final=True)   # silence means False, and -0.2 is out of range
    Score(value=0.0, final=True, clipped=True)
    """
    name, declared = spec.reward_of(task)
    return Measure(name, "reward", declared, spec.expression(declared.value), spec.signals)


def measures_of(spec: Spec, task: str) -> dict[str, Measure]:
    """All that is evaluated for a decision of a task: its reward, its guardrails, and every outcome.

    They stay apart: what guards, and what is true, is never averaged into what is learned from.
    """
    reward = measure_of(spec, task)
    guards = {name: spec.guardrails[name] for name in spec.task(task).guardrails}
    declared: list[tuple[str, MeasureKind, MeasureSpec]] = [
        *((name, "guardrail", guard) for name, guard in guards.items()),
        *((name, "outcome", outcome) for name, outcome in spec.outcomes.items()),
    ]
    others = {
        name: Measure(name, kind, one, spec.expression(one.value), spec.signals)
        for name, kind, one in declared
    }
    return {reward.name: reward, **others}


def measure_named(spec: Spec, name: str) -> Measure:
    """A declared reward, guardrail or outcome, whatever task it is of."""
    kinds: tuple[tuple[MeasureKind, Mapping[str, MeasureSpec]], ...] = (
        ("reward", spec.rewards),
        ("guardrail", spec.guardrails),
        ("outcome", spec.outcomes),
    )
    kind = next(kind for kind, declared in kinds if name in declared)
    declared = spec.measures[name]
    return Measure(name, kind, declared, spec.expression(declared.value), spec.signals)


def scorer(spec: Spec) -> Callable[[str, Interaction], float | None]:
    """What a declared measure, by its name, says of an interaction that is over, whoever saw it."""
    known: dict[str, Measure] = {}

    def score(name: str, interaction: Interaction) -> float | None:
        if name not in known:
            known[name] = measure_named(spec, name)
        return known[name].of(interaction, final=True).value

    return score


def measured(measure: Measure, interaction: Interaction, now: float) -> Reward | None:
    """The value of an interaction as of `now`.

    The interaction's signals are taken as they are: whoever joins them knows which count. None where the
    measure has nothing to say: about an answer that was not served, if it scores served ones only.
    """
    decision = interaction.decision
    if not decision.served and measure.scores == "served":
        return None
    score = measure.of(interaction, final=measure.final(decision.at, now))
    return Reward(
        decision=decision.id,
        name=measure.name,
        kind=measure.kind,
        version=measure.version,
        value=score.value,
        final=score.final,
        clipped=score.clipped,
        at=now,
    )


def answer_columns(decision: Decision, completion: Completion) -> Row:
    """What expressions can name of an answer, and of what was asked."""
    return {
        **{f"inputs.{name}": _scalar(value) for name, value in decision.inputs.items()},
        "output": completion.output,
        "chars": float(len(completion.output)),
        "shown": 1.0 if completion.output else 0.0,
        "cost_usd": completion.cost_usd,
        "latency_ms": completion.latency_ms,
        "first_token_ms": completion.first_token_ms,
        "tokens_in": float(completion.tokens_in),
        "tokens_cached": float(completion.tokens_cached),
        "tokens_out": float(completion.tokens_out),
        "tokens_reasoning": float(completion.tokens_reasoning),
        "p": next((o.probability for o in decision.options if o.id == decision.option), None),
    }


def _scalar(value: object) -> float | str | None:
    return value if isinstance(value, (int, float, str)) else None
