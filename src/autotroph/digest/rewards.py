"""What a decision was worth: one declared expression, its range, its horizon, and its rule for silence.

A decision made at `t` with a horizon `h` has a provisional reward before `t + h` and a final one from then
on. A signal counts if its *event time* is before `t + h`, however late it arrives; one that happened later
is ignored, because by then the reward was final. So the final reward does not depend on the order in which
signals arrive, or on when one looks.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Literal

import msgspec

from autotroph.clock import digest
from autotroph.records import Completion, Decision, Interaction, Reward, Signal, Value, canonical
from autotroph.spec import Expression, RewardSpec, Spec

Row = dict[str, float | str | None]


class Score(msgspec.Struct, frozen=True):
    """A value, or None where it is unknown; whether it can still move; whether it had left its range."""

    value: float | None
    final: bool
    clipped: bool


class RewardRule:
    """One version of a declared reward, ready to score answers.

    Args:
        name: what the declaration calls it.
        declared: range, horizon, silence and whom it scores.
        expression: its compiled value.
    """

    def __init__(self, name: str, declared: RewardSpec, expression: Expression) -> None:
        self.name = name
        self.declared = declared
        self.expression = expression
        self.silent: dict[str, Value] = {
            signal: value for signal, value in declared.silent.items() if value != "unknown"
        }

    @cached_property
    def version(self) -> str:
        """The hash of everything that decides a value: expression, range, horizon, silence, scope."""
        declared = self.declared
        silence = dict(declared.silent)
        rest = (declared.range, float(declared.horizon), declared.scores, silence)
        return digest("reward", self.expression.digest, canonical(rest))

    @property
    def horizon(self) -> float:
        """Seconds from a decision until its reward is final."""
        return float(self.declared.horizon)

    @property
    def scores(self) -> Literal["served", "any"]:
        """Whether it can score an answer that nobody was shown."""
        return self.declared.scores

    def final(self, decided_at: float, now: float) -> bool:
        """Whether no signal can move the reward any more."""
        return now >= decided_at + self.declared.horizon

    def score(
        self, answer: Mapping[str, float | str | None], signals: Mapping[str, Value], *, final: bool
    ) -> Score:
        """What an answer is worth.

        Args:
            answer: its columns, see `answer_columns`.
            signals: those that count, see `timely`.
            final: whether the horizon has passed: only then does silence mean what was declared, and
                until then a signal that did not come is unknown.
        """
        row = {**self.silent, **signals, **answer} if final else {**signals, **answer}
        value = self.expression.evaluate(row)
        if value is None:
            return Score(value=None, final=final, clipped=False)
        low, high = self.declared.range
        within = min(max(value, low), high)
        return Score(value=within, final=final, clipped=within != value)


def rule_of(spec: Spec, task: str) -> RewardRule:
    """The rule of a task's reward; UnknownName for a task, SpecError for one without a reward.

    >>> from autotroph.spec import SKELETON, parse
    >>> rule = rule_of(parse(SKELETON), "route")
    >>> rule.score({"cost_usd": 0.01}, {"resolved": True}, final=False)
    Score(value=0.8, final=False, clipped=False)
    >>> rule.score({"cost_usd": 0.01}, {}, final=True)   # silence means False, and -0.2 is out of range
    Score(value=0.0, final=True, clipped=True)
    """
    name, declared = spec.reward_of(task)
    return RewardRule(name, declared, spec.expression(declared.value))


def reward(rule: RewardRule, interaction: Interaction, now: float) -> Reward | None:
    """The reward of an interaction as of `now`.

    The interaction's signals are taken as they are: whoever joins them uses `timely`. None where the rule
    has nothing to say: about an answer that was not served, if it scores served ones only.
    """
    decision = interaction.decision
    if not decision.served and rule.scores == "served":
        return None
    score = rule.score(
        answer_columns(decision, interaction.completion),
        interaction.signals,
        final=rule.final(decision.at, now),
    )
    return Reward(
        decision=decision.id,
        name=rule.name,
        version=rule.version,
        value=score.value,
        final=score.final,
        clipped=score.clipped,
        at=now,
    )


def timely(rule: RewardRule, decided_at: float, signals: Iterable[Signal]) -> dict[str, Value]:
    """Of each signal the last value before the horizon, by event time and then by ledger sequence."""
    due = decided_at + rule.horizon
    counted = sorted((signal for signal in signals if signal.at < due), key=_moment)
    return {signal.name: signal.value for signal in counted}


def _moment(signal: Signal) -> tuple[float, int]:
    return signal.at, signal.sequence


def answer_columns(decision: Decision, completion: Completion) -> Row:
    """The built-in columns of an answer, as expressions name them."""
    return {
        "output": completion.output,
        "chars": float(len(completion.output)),
        "shown": 1.0 if completion.output else 0.0,
        "cost_usd": completion.cost_usd,
        "latency_ms": completion.latency_ms,
        "tokens_in": float(completion.tokens_in),
        "tokens_out": float(completion.tokens_out),
        "p": next((o.probability for o in decision.options if o.id == decision.option), None),
    }
