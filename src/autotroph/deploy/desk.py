"""One task's deployment: who answers, what is known about the candidates, and what follows from it.

Every verb returns the rows that it wants appended and changes nothing; what was appended comes back
through `board.apply`, in a running product as when one is opened again.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from autotroph.deploy import gate, sets
from autotroph.deploy.board import Board
from autotroph.deploy.envelopes import Renewal, renewed
from autotroph.deploy.evidence import Evidence
from autotroph.deploy.experiments.journal import abandoned
from autotroph.deploy.gate import Worth
from autotroph.deploy.judge import Need, Proof, Rule, held, judge, ruled
from autotroph.deploy.ladder import advance, next_share
from autotroph.deploy.releases import declared, learns, released, staged
from autotroph.deploy.serving import Answered, Serving
from autotroph.deploy.sources import NOTHING, Sources
from autotroph.deploy.standing import Live, Standing
from autotroph.deploy.weighing import Late, Weighing
from autotroph.deploy.worthwhile import Passage, anybody
from autotroph.errors import GateError
from autotroph.policy.documents import freeze
from autotroph.records import (
    Body,
    Candidate,
    Decision,
    Interaction,
    Proposal,
    Record,
    Stage,
    Verdict,
)
from autotroph.spec import Spec

_ASKS = "it waits for somebody to say so (`autotroph approve`)"

PROOF_SHARE = 0.25
"""From this share of the people on, a step is climbed by proof; below, proof would cost too much traffic."""


class Desk:
    """Judges and moves the candidates of one task.

    Args:
        task: its name.
        spec: the declaration.
        serving: answers.
        late: why what comes back about an arm comes too late to compare, see `lateness`.
        passage: whether the gate may work for the task's reward at a time, see `worthwhile`.
        sources: what the gate asks of the other rooms.
    """

    def __init__(
        self,
        task: str,
        spec: Spec,
        serving: Serving,
        late: Late = lambda *_: "",
        passage: Callable[[float], Passage] = anybody,
        sources: Sources = NOTHING,
    ) -> None:
        self.task, self.spec, self.serving = task, spec, serving
        self._passage, self._sources = passage, sources
        self.weighing = Weighing(task, spec, late)
        self.comparisons, self.reward = self.weighing.comparisons, self.weighing.reward
        self.board = Board(task, spec.gate.alpha)

    @property
    def paired(self) -> bool:
        """Whether the reward scores answers that nobody saw, so that comparisons are on the same decision."""
        return self.weighing.paired

    @property
    def standing(self) -> Standing:
        """What stands; a task that was never used has nothing standing."""
        if self.board.standing is None:
            raise GateError(
                f"task {self.task!r} has no release yet; a first decision or cycle makes release 0"
            )
        return self.board.standing

    # release 0 ---------------------------------------------------------------------------------------

    def begin(self, body: Body, knowledge: int, now: float) -> list[Record]:
        """Release 0 and the baselines, as declared."""
        zero = declared(self.task, "release 0", body, now)
        rows: list[Record] = [zero, staged(zero, "serving", 1.0, knowledge, now)]
        for name, document in self.spec.task(self.task).baselines.items():
            policy = freeze(document)
            baseline = declared(self.task, name, replace(body, policy=policy.digest), now)
            rows += [policy, baseline, staged(baseline, "baseline", 0.0, knowledge, now)]
        return rows

    # what others would have answered -----------------------------------------------------------------

    def shadow(self, decision: Decision) -> list[Answered]:
        """The answers of every other release that stands, to a decision that one of them served."""
        if self.board.standing is None or not self.paired:
            return []
        known = {
            _source(live): decision.proposals
            for live in self.standing.everyone
            if live.release.id == decision.release
        }
        found = []
        for live in self.standing.everyone:
            if live.release.id == decision.release or live.release.id in self.serving.failures:
                continue
            try:
                found.append(self._unseen(decision, live, known))
            except Exception as error:
                if live not in self.standing.open:
                    raise
                self.serving.note(live, error)
        return found

    def _unseen(
        self, decision: Decision, live: Live, known: dict[tuple[str, int], tuple[Proposal, ...]]
    ) -> Answered:
        """A shadow answer; options that another release of this decision had already are not kept twice."""
        source = _source(live)
        fresh = source not in known
        if fresh:
            known[source] = self.serving.offered(decision, live)
        answered, completion = self.serving.shadow(decision, live, known[source])
        return (answered if fresh else replace(answered, proposals=())), completion

    # verdicts ----------------------------------------------------------------------------------------

    def judge(
        self, fold: Sequence[Interaction], worth: Worth, now: float, *, halted: str = ""
    ) -> list[Record]:
        """The verdicts that are due, with the releases and stages that follow from them.

        What serves is watched first, then whatever is on the ladder; the gate works when something waits.

        Args:
            fold: the gate's.
            worth: what an answer would have been worth.
            now: seconds since the epoch.
            halted: why nothing may come further now; what does harm is taken back all the same.
        """
        if self.board.standing is None:
            return []
        moved = self._failed(now) or self._keep(now) or self._ladder(now, halted)
        ended = any(isinstance(row, Verdict) and row.finding in ("promoted", "rolled back") for row in moved)
        return moved if ended or halted else [*moved, *self._gate(fold, worth, now)]

    def _failed(self, now: float) -> list[Record]:
        """Withdraw the candidates whose own code failed."""
        rows: list[Record] = []
        for live in self.standing.open:
            failure = self.serving.failures.get(live.release.id)
            if failure is not None:
                verdict = ruled(self._candidate(live), "rolled back", f"it failed: {failure}", now)
                rows += [verdict, advance(live.stage, verdict, self.spec.ladder.steps)]
        return rows

    def _keep(self, now: float) -> list[Record]:
        """Watch what serves against what it replaced; back to that if it does harm."""
        main, parent = self.standing.main, self.standing.parent
        if parent is None:
            return []
        verdict = judge(self.evidence(main, now), self.rule("keep"))
        if verdict.finding != "rolled back":
            return []
        back = replace(parent.stage, sequence=0, epoch=parent.stage.epoch + 1, verdict=verdict.id, at=now)
        return [
            verdict,
            advance(main.stage, verdict, self.spec.ladder.steps),
            replace(back, name="serving", share=1.0),
            *self._superseded(main, now),
        ]

    def _ladder(self, now: float, halted: str) -> list[Record]:
        """Judge what is on the ladder; one candidate at a time is in front of people."""
        rows: list[Record] = []
        taken = self.standing.canary is not None
        for live in self.standing.open:
            need: Need = "climb" if live.stage.name == "canary" else "prove"
            rule = self.rule(need, live, now)
            verdict = self._held(judge(self.evidence(live, now), rule), live, rule, halted)
            if need == "prove" and verdict.finding == "advance" and taken:
                continue
            if not self.board.news(verdict):
                continue
            stage = advance(live.stage, verdict, self.spec.ladder.steps)
            rows += [verdict] if stage is live.stage else [verdict, stage]
            taken = taken or stage.name == "canary"
            if stage.name == "serving":
                return [*rows, _replaced(self.standing.main, verdict.id, now), *self._superseded(live, now)]
        return rows

    def evidence(self, live: Live, now: float) -> Evidence:
        """What is known about a release on the ladder, or about what serves, by where it stands."""
        candidate, standing, since = self._candidate(live), self.standing, self.board.since(live)
        alpha = self.board.alpha_of(candidate.id)
        match live.stage.name:
            case "shadow":
                return self.weighing.shadow(candidate, live, standing, since, alpha, now)
            case "canary":
                return self.weighing.climbing(candidate, live, standing, since, alpha, now)
            case _:
                parent = standing.parent or standing.zero
                return self.weighing.keeping(candidate, live, parent, since, alpha, now)

    def _held(self, verdict: Verdict, live: Live, rule: Rule, halted: str) -> Verdict:
        """The verdict, or that it has to wait: for the time, a person, or what the reward has to show."""
        if verdict.finding not in ("advance", "promoted"):
            return verdict
        if halted:
            return held(verdict, halted)
        approved = self.board.approved(live.release.candidate) > self.board.since(live).sequence
        if rule.last and self.spec.task(self.task).autonomy != "full" and not approved:
            return held(verdict, _ASKS)
        return self._passage(verdict.at).promoted(verdict) if rule.last else verdict

    def _superseded(self, changed: Live, now: float, forced: Candidate | None = None) -> list[Record]:
        """What was measured against a release that no longer serves has to begin again."""
        reason = f"what serves has changed with {changed.release.name!r}: to be proposed again from there"
        rows = self.dismiss(reason, now, but=changed)
        return [
            row for row in rows if not (forced and isinstance(row, Verdict) and row.candidate == forced.id)
        ]

    def dismiss(self, reason: str, now: float, but: Live | None = None) -> list[Record]:
        """Refuse whatever is on the ladder or waits for the gate, but for one release."""
        rows: list[Record] = []
        for live in self.standing.open if self.board.standing else ():
            if but is None or live.release.id != but.release.id:
                verdict = ruled(self._candidate(live), "refused", reason, now)
                rows += [verdict, advance(live.stage, verdict, self.spec.ladder.steps)]
        return [*rows, *(ruled(one, "refused", reason, now) for one in self.board.waiting())]

    # the gate ----------------------------------------------------------------------------------------

    def _gate(self, fold: Sequence[Interaction], worth: Worth, now: float) -> list[Record]:
        rows: list[Record] = []
        fold = fold if self.paired else gate.explored(fold)
        in_time = gate.ripe(fold, float(self.reward.horizon), now)
        if self.board.waiting() and in_time >= self.spec.gate.minimum:
            rows += sets.news(self.task, self.spec, self._sources, now)
        for candidate in self.board.waiting():
            if in_time < self.spec.gate.minimum:
                short = f"{in_time} of at least {self.spec.gate.minimum} units of the gate's fold are in"
                verdict = ruled(candidate, "undecided", short, now, "gate", {"units": in_time})
                rows += [verdict] if self.board.news(verdict) else []
                continue
            passage = self._passage(now)
            verdict = (
                self._screened(candidate, fold, worth, now)
                if passage.open
                else ruled(candidate, passage.finding, passage.reason, now, "gate")
            )
            verdict = passage.stamped(verdict, in_time)
            if verdict.finding == "advance" and self._asks(candidate):
                verdict = held(verdict, _ASKS)
            if not self.board.news(verdict):
                continue
            if verdict.finding == "advance":
                entered = replace(verdict, alpha=self.board.grant())
                return [*rows, entered, *self._enter(candidate, entered)]
            rows.append(verdict)
        return rows

    def examined(self, live: Live | None = None, beside: Live | None = None) -> tuple[sets.Exam, ...]:
        """A release held to the task's frozen sets, beside another one; what serves, if none is named."""
        return sets.examined(live or self.standing.main, beside, self.spec, self.serving, self._sources)

    def _asks(self, candidate: Candidate) -> bool:
        """Whether nobody meets it before a person has said so."""
        return self.spec.task(self.task).autonomy == "propose" and not self.board.approved(candidate.id)

    def _screened(
        self, candidate: Candidate, fold: Sequence[Interaction], worth: Worth, now: float
    ) -> Verdict:
        release = released(candidate, "")
        live = Live(release, staged(release, "shadow", 0.0, self.board.knowledge, now))
        alpha = self.board.alpha_of(candidate.id)
        try:
            bench = gate.Bench(self.serving, worth, self.weighing, alpha, now, self._sources)
            return gate.screened(candidate, live, self.standing, fold, bench, self.rule("screen"))
        except Exception as error:  # noqa: BLE001 - whatever a candidate's own code does, the gate fails closed
            reason = f"its evidence cannot be computed: {type(error).__name__}: {error}"
            return ruled(candidate, "refused", reason, now, "gate")

    def _enter(self, candidate: Candidate, verdict: Verdict) -> list[Record]:
        release = released(candidate, verdict.id)
        stage = staged(release, "shadow", 0.0, self.board.knowledge, verdict.at)
        if not self.paired:
            stage = replace(stage, name="canary", share=next_share(0.0, self.spec.ladder.steps))
        return [release, stage]

    # by hand, and within an envelope -----------------------------------------------------------------

    def force(self, candidate: Candidate, by: str, now: float) -> list[Record]:
        """Serve everybody a candidate that nothing has proven; what is on the ladder has to begin again."""
        verdict = ruled(candidate, "promoted", f"forced by {by}, unproven", now, "person")
        release = released(candidate, verdict.id)
        live = Live(release, staged(release, "serving", 1.0, self.board.knowledge, now))
        replaced = _replaced(self.standing.main, verdict.id, now)
        return [verdict, release, live.stage, replaced, *self._superseded(live, now, forced=candidate)]

    def rollback(self, to: Live, by: str, now: float) -> list[Record]:
        """Serve a release again from the next decision on; what is on the ladder is withdrawn with it."""
        rows = abandoned(self.board.experiments, self.standing, by, now)
        for live in (self.standing.main, *self.standing.open):
            if live.release.id != to.release.id and live.release.candidate:
                verdict = ruled(self._candidate(live), "rolled back", f"by {by}", now, "person")
                rows += [verdict, advance(live.stage, verdict, self.spec.ladder.steps)]
        main = self.standing.main
        if main.release.id != to.release.id and not main.release.candidate:
            rows.append(_replaced(main, main.stage.verdict, now))
        stage = replace(to.stage, sequence=0, epoch=to.stage.epoch + 1, at=now)
        return [*rows, replace(stage, name="serving", share=1.0)]

    def renew(
        self, rows: Sequence[Record], knowledge: int, now: float, policies: Mapping[str, str]
    ) -> list[Record]:
        """A new epoch of every release whose envelope has something new, see `envelopes.renewed`."""
        lives = self.standing.everyone if self.board.standing else ()
        return renewed(lives, rows, Renewal(knowledge, policies), now)

    # terms -------------------------------------------------------------------------------------------

    def _candidate(self, live: Live) -> Candidate:
        return self.board.candidates[live.release.candidate]

    def rule(self, need: Need, live: Live | None = None, now: float = 0.0) -> Rule:
        """What has to be shown, where a release stands."""
        screening, ladder = need == "screen", self.spec.ladder
        share = live.stage.share if live is not None else 0.0
        last = live is not None and next_share(share, ladder.steps) >= 1.0
        proof: Proof = "better" if last else "no worse" if share >= PROOF_SHARE else "none"
        return Rule(
            judge="gate" if screening else "ladder",
            need=need,
            margin=self.spec.gate.margin if screening else ladder.margin,
            level=self.spec.gate.alpha,
            minimum=self.spec.gate.minimum if screening else ladder.minimum,
            waited=live is None or now >= self.board.since(live).at + float(ladder.floor),
            tired=live is not None and now > self.board.since(live).at + float(ladder.patience),
            liars=self.spec.gate.liars,
            last=last,
            guarded=share >= PROOF_SHARE,
            proof="none" if self.paired else proof,
        )


def _source(live: Live) -> tuple[str, int]:
    """What decides which options a release has: what it offers, and what its variants know if they learn."""
    return live.release.body.offer, live.stage.knowledge if learns(live.release) else 0


def _replaced(main: Live, verdict: str, now: float) -> Stage:
    """The stage of what served, once something better does."""
    stage = replace(main.stage, sequence=0, epoch=main.stage.epoch + 1, verdict=verdict, at=now)
    return replace(stage, name="replaced", share=0.0)
