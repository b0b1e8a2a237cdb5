"""Which verdicts of the past would be others, if the reward had always been what is declared now.

The candidates and their stages are taken as they were: each verdict of the ladder is weighed again by the
very code that weighed it, on the new values. What the gate asked a candidate was not kept, so that cannot be
told.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from autotroph.deploy.desk import Desk
from autotroph.deploy.evidence import Evidence
from autotroph.deploy.judge import Need, judge
from autotroph.deploy.models import ModelPool
from autotroph.deploy.serving import Serving
from autotroph.deploy.standing import Live
from autotroph.errors import LedgerError
from autotroph.plan.effects import History
from autotroph.records import CHAINED, Candidate, Decision, Finding, Record, Reward, Verdict
from autotroph.spec import Spec
from autotroph.store import Reader

Answer = Literal["same", "other", "cannot be told"]


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict of the past, weighed again.

    Attributes:
        mean, again_mean: what the candidate was better by, as it was weighed and as it would be.
        why: the new reason; or why it cannot be told.
    """

    task: str
    candidate: str
    judge: str
    at: float
    finding: Finding
    mean: float | None
    answer: Answer
    again: Finding | None = None
    again_mean: float | None = None
    why: str


def retried(history: History, reader: Reader, spec: Spec, task: str) -> tuple[Retried, ...]:
    """Weigh the verdicts of a task again, by the values of the view `moved`."""
    rows = sorted((row for kind in CHAINED for row in reader.scan(kind)), key=lambda row: row.sequence)
    weighed = _telling([row for row in rows if isinstance(row, Verdict) and row.task == task])
    if not weighed:
        return ()
    desk = _Retrial(task, spec)
    names = {row.id: row.name for row in rows if isinstance(row, Candidate)}
    first = min(row.sequence for row in rows if isinstance(row, Candidate) and row.task == task)
    desk.remember(history, first)
    return tuple(_again(desk, rows, weighed, names))


def _telling(verdicts: Sequence[Verdict]) -> frozenset[str]:
    """Those that were weighed and moved something; of those that waited, the last before something moved."""
    kept: dict[tuple[str, int], str] = {}
    moves: dict[str, int] = {}
    for one in verdicts:
        if one.evidence.get("kind"):
            kept[one.candidate, moves.get(one.candidate, 0)] = one.id
        if one.finding not in ("undecided", "hold"):
            moves[one.candidate] = moves.get(one.candidate, 0) + 1
    return frozenset(kept.values())


def _again(
    desk: "_Retrial", rows: Sequence[Record], weighed: frozenset[str], names: dict[str, str]
) -> Iterator[Retried]:
    for row in rows:
        if isinstance(row, Verdict) and row.id in weighed:
            yield _retried(desk, row, names.get(row.candidate, row.candidate))
        desk.board.apply(row)


def _retried(desk: "_Retrial", was: Verdict, name: str) -> Retried:
    known: dict[str, Any] = {
        "task": was.task, "candidate": name, "judge": was.judge, "at": was.at, "finding": was.finding,
        "mean": was.evidence.get("mean"),
    }  # fmt: skip
    now = desk.again(was)
    if isinstance(now, str):
        return Retried(answer="cannot be told", why=now, **known)
    answer: Answer = "same" if now.finding == was.finding else "other"
    again_mean = now.evidence["mean"]
    return Retried(answer=answer, again=now.finding, again_mean=again_mean, why=now.reason, **known)


class _Retrial(Desk):
    """A desk that weighs again what was weighed; it serves nothing."""

    def __init__(self, task: str, spec: Spec) -> None:
        super().__init__(task, spec, Serving(ModelPool({}, _no_texts), _no_policy, ""))

    def remember(self, history: History, after: int) -> None:
        """Take the values of decisions after a ledger sequence."""
        for row in history.rows(after):
            decision = _decision(self.task, row)
            if decision.served and decision.provenance == "product":
                self.comparisons.serve(decision)
            if row[-1] is not None:
                self.comparisons.take(decision, self._reward(decision, row[-1]))

    def again(self, was: Verdict) -> Verdict | str:
        """What would be found now; or why that cannot be told."""
        if was.judge == "gate":
            return "what the candidate answered at the gate was not kept"
        kind = "paired" if self.paired else "split"
        if was.evidence["kind"] != kind:
            return f"it was weighed {was.evidence['kind']}, and what is declared now is weighed {kind}"
        live = self._live(was)
        if live is None:
            return "its release was not on the ladder"
        need = _need(live)
        found = msgspec.convert(
            {**msgspec.to_builtins(self.evidence(live, was.at)), **_beside(was)}, Evidence
        )
        return judge(found, self.rule(need, live if need != "keep" else None, was.at))

    def _reward(self, decision: Decision, value: float) -> Reward:
        name = self.spec.task(self.task).reward
        return Reward(decision=decision.id, name=name, version="", value=value, final=True, at=decision.at)

    def _live(self, was: Verdict) -> Live | None:
        if self.board.standing is None:
            return None
        lives = (self.standing.main, *self.standing.open)
        return next((live for live in lives if live.release.candidate == was.candidate), None)


def _beside(was: Verdict) -> dict[str, Any]:
    """What does not depend on the reward, as it was found then."""
    return {name: was.evidence[name] for name in ("guards", "mismatch", "active") if name in was.evidence}


def _need(live: Live) -> Need:
    return {"canary": "climb", "serving": "keep"}.get(live.stage.name, "prove")  # type: ignore[return-value]


def _decision(task: str, row: tuple[Any, ...]) -> Decision:
    """As much of a decision as comparisons ask for."""
    sequence, id_, at, unit, cluster, fold, arm, release, served, shadows, provenance, _ = row
    return Decision(
        sequence=sequence, id=id_, task=task, release=release, epoch=0, arm=arm, p_arm=1.0, options=(),
        option="", unit=unit, unit_kind="user", cluster=cluster, fold=fold, policy="", variant="",
        declaration="", at=at, served=served, shadows=shadows, provenance=provenance,
    )  # fmt: skip


def _no_texts(_signals: tuple[str, ...], _after: int, _until: int) -> Iterator[str]:
    return iter(())


def _no_policy(digest: str) -> Any:
    raise LedgerError(f"nothing is served while verdicts are weighed again, so policy {digest} is not needed")
