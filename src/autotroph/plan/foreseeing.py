"""What a candidate would do, before anybody meets it: whom it concerns, and what the log says about it."""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from autotroph.deploy import gate
from autotroph.deploy.board import Board
from autotroph.deploy.evidence import LEVEL, increments_of
from autotroph.deploy.models import ModelPool
from autotroph.deploy.releases import declared_body, released, staged
from autotroph.deploy.serving import Serving
from autotroph.deploy.standing import Live
from autotroph.digest.measures import Measure, measures_of
from autotroph.errors import InputError
from autotroph.plan.steps import Propose
from autotroph.records import CHAINED, Candidate, Completion, Decision, Interaction
from autotroph.spec import Spec
from autotroph.spec.policies import First
from autotroph.stats.confidence import mean_interval
from autotroph.store import Reader

MOST = 20_000
"""Decisions that are looked at, the newest."""

MONTH = 30 * 86_400.0


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What proposing something would mean.

    Attributes:
        users, decisions: of the task in the last month before its newest decision.
        share: of all decisions of that month.
        first: the share of the people who would meet it first, and `alpha` the level it would be proven at.
        mean, low, high: the difference in reward that the log shows, off-policy; None where it cannot.
        units: those that it was shown by.
        why: why the log cannot show it; empty where it does.
    """

    task: str
    users: int
    decisions: int
    share: float
    first: float
    alpha: float
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    units: int = 0
    why: str = ""


def foreseen(step: Propose, reader: Reader, spec: Spec) -> Foreseen:
    """What a proposal would mean.

    Args:
        step: of a plan.
        reader: of the ledger.
        spec: what is declared.
    """
    rows = reader.query(_TRAFFIC, {"task": step.task, "month": MONTH}).rows
    users, decisions, whole = (int(str(one or 0)) for one in rows[0])
    found = Foreseen(
        task=step.task,
        users=users,
        decisions=decisions,
        share=decisions / whole if whole else 0.0,
        first=spec.ladder.steps[0],
        alpha=_board(reader, spec, step.task).grant(),
    )
    try:
        values = _off_policy(step, reader, spec)
    except InputError as error:
        return replace(found, why=str(error))
    return replace(found, **values)


_TRAFFIC = """
WITH ending AS (SELECT max(at) - :month AS since FROM decisions WHERE served AND task = :task)
SELECT count(DISTINCT CASE WHEN task = :task THEN unit END), sum(task = :task), count(*)
FROM decisions, ending WHERE served AND at >= since"""


def _board(reader: Reader, spec: Spec, task: str) -> Board:
    board = Board(task, spec.gate.alpha)
    rows = (row for kind in CHAINED for row in reader.scan(kind))
    for row in sorted(rows, key=lambda one: one.sequence):
        board.apply(row)
    return board


def _off_policy(step: Propose, reader: Reader, spec: Spec) -> dict[str, float | int]:
    """The difference to what was served, by the newest decisions with a final reward."""
    declared, (name, reward) = spec.task(step.task), spec.reward_of(step.task)
    if any(part == "kind" or part.startswith("variants.") for part in step.differs):
        raise InputError(_untried(step, spec))
    policy = declared.policy
    serving = Serving(ModelPool({}, lambda *_: ()), lambda _: policy, "")
    log = list(_log(reader, step.task, measures_of(spec, step.task)[name]))
    interactions = gate.explored(one for one, _ in log)
    values = {one.decision.id: value for one, value in log}

    def worth(interaction: Interaction, _: Completion) -> float:
        return values[interaction.decision.id]

    live = _live(step, spec)
    found = gate.off_policy(live, interactions, serving, worth, reward.range)
    increments, _ = increments_of(found, float(reward.horizon), float("inf"))
    width = gate.off_policy_width(interactions, reward.range)
    seen = mean_interval(increments, LEVEL, (-width, width))
    if not increments:
        raise InputError("no decision has a final reward yet")
    return {"mean": seen.mean, "low": seen.low, "high": seen.high, "units": len(increments)}


def _untried(step: Propose, spec: Spec) -> str:
    """Why the log knows nothing of these variants, and who will."""
    declared, changed = spec.task(step.task), {part.removeprefix("variants.") for part in step.differs}
    first = next(iter(declared.variants), "")
    if isinstance(declared.policy, First) and first not in changed and changed <= declared.variants.keys():
        return (
            f"its policy always takes the first variant, {first!r}, which has not changed, so it answers"
            " as what serves; change that one instead, or leave it out, or declare another policy"
        )
    if spec.outside(step.task):
        return "other variants were never served, and are not asked in shadow: the ladder finds out"
    return "other variants were never served: shadow shows what they would answer"


def _live(step: Propose, spec: Spec) -> Live:
    _, body = declared_body(spec, step.task, 0)
    candidate = Candidate(
        id="foreseen", task=step.task, name=step.name, track="", parent="", body=body, snapshot="", at=0.0
    )
    release = released(candidate, "")
    return Live(release, staged(release, "shadow", 0.0, 0, 0.0))


_VALUED = """
SELECT d.id, r.value FROM decisions AS d JOIN rewards AS r ON r.sequence = (
  SELECT max(sequence) FROM rewards WHERE decision = d.id AND name = :name AND version = :version AND final)
WHERE d.task = :task AND d.served AND d.provenance = 'product' AND r.value IS NOT NULL
ORDER BY d.sequence DESC LIMIT :most"""


def _log(reader: Reader, task: str, measure: Measure) -> Iterator[tuple[Interaction, float]]:
    given: dict[str, str | int] = {
        "name": measure.name,
        "version": measure.version,
        "task": task,
        "most": MOST,
    }
    rows = reader.query(_VALUED, given).rows
    values = {str(id_): float(str(value)) for id_, value in rows}
    for decision in reader.scan(Decision, task=task, served=True):
        if decision.id in values:
            blank = Completion(decision=decision.id, output="", at=decision.at)
            yield Interaction(decision=decision, completion=blank, signals={}), values[decision.id]
