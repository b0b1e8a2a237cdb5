"""Where a task's candidates stand: a fold of the append-only rows, in ledger order."""

from autotroph.deploy.experiments.journal import Experiments
from autotroph.deploy.standing import Live, Standing, standing
from autotroph.records import Candidate, Entry, Record, Release, Stage, Verdict
from autotroph.stats import alpha as family
from autotroph.stats.alpha import AlphaLedger

REPEAT = {"gate": 5, "ladder": 100, "person": 1}
"""An unchanged finding is written again after so many more units: a line of progress, not a flood."""


class Board:
    """Candidates, releases, stages, verdicts and the α they share."""

    def __init__(self, task: str, alpha: float) -> None:
        self.task = task
        self.standing: Standing | None = None
        self.knowledge = 0
        self.candidates: dict[str, Candidate] = {}
        self.alpha: AlphaLedger = family.begin(alpha)
        self.experiments = Experiments(task)
        self._releases: dict[str, Release] = {}
        self._stages: dict[str, Stage] = {}
        self._zero = ""
        self._have_served: set[str] = set()
        self._since: dict[str, Stage] = {}
        self._last: dict[str, Verdict] = {}
        self._granted: dict[str, int] = {}
        self._approved: dict[str, int] = {}

    def apply(self, record: Record) -> None:
        """Take a row of the ledger; rows of other tasks and of other kinds change nothing."""
        match record:
            case Candidate(task=self.task):
                self.candidates[record.id] = record
            case Release(task=self.task):
                self._releases[record.id] = record
            case Stage(task=self.task):
                self._stage(record)
            case Verdict(task=self.task):
                self._verdict(record)
            case Entry():
                if self.experiments.apply(record):
                    self._stand()
            case _:
                return

    def waiting(self) -> list[Candidate]:
        """Candidates that the gate has not decided about, in the order in which they were proposed."""
        decided = {"refused", "advance", "promoted", "rolled back"}
        return [
            one
            for one in self.candidates.values()
            if one.id not in self._last or self._last[one.id].finding not in decided
            if one.id not in self._granted
        ]

    def busy(self, track: str) -> bool:
        """Whether a candidate of this track is waiting or on the ladder."""
        return any(one.track == track for one in self.under_way())

    def under_way(self) -> list[Candidate]:
        """Candidates that wait for the gate or are on the ladder."""
        lives = self.standing.open if self.standing else ()
        return [*self.waiting(), *(self.candidates[live.release.candidate] for live in lives)]

    def served(self) -> list[Live]:
        """Every release that once served everybody, with its newest stage, oldest first."""
        return [
            Live(self._releases[id_], self._stages[id_]) for id_ in self._stages if id_ in self._have_served
        ]

    def released(self) -> list[Live]:
        """Every release that has ever stood anywhere, with its newest stage, oldest first."""
        return [Live(self._releases[id_], stage) for id_, stage in self._stages.items()]

    def since(self, live: Live) -> Stage:
        """The row with which a release came to the stage where it is, epochs of its envelope aside."""
        return self._since[live.release.id]

    def news(self, verdict: Verdict) -> bool:
        """Whether a verdict says something that the last one about this candidate did not."""
        last = self._last.get(verdict.candidate)
        if last is None or verdict.finding not in ("undecided", "hold"):
            return True
        if not verdict.evidence.get("units"):
            return False
        if last.finding != verdict.finding:
            return True
        grown = verdict.evidence.get("units", 0) - last.evidence.get("units", 0)
        return bool(grown >= REPEAT[verdict.judge] or grown < 0)

    def approved(self, candidate: str) -> int:
        """The ledger sequence at which a person last said that a candidate may go on; 0 if none did."""
        return self._approved.get(candidate, 0)

    def grant(self) -> float:
        """The α of the next candidate that enters the ladder; `apply` of its verdict makes it so."""
        return family.grant(self.alpha)[1]

    def alpha_of(self, candidate: str) -> float:
        """The α that a candidate was granted when it entered the ladder, or would be granted now."""
        place = self._granted.get(candidate)
        return self.grant() if place is None else self.alpha.grants[place]

    def _stage(self, stage: Stage) -> None:
        before = self._since.get(stage.release)
        if before is None or (before.name, before.share) != (stage.name, stage.share):
            self._since[stage.release] = stage
        self._stages[stage.release] = stage
        if stage.name == "serving":
            self._zero = self._zero or stage.release
            self._have_served.add(stage.release)
        self.knowledge = max(self.knowledge, stage.knowledge)
        self._stand()

    def _stand(self) -> None:
        under_way = [(one.id, one.share, one.arms.values()) for one in self.experiments.running]
        self.standing = standing(self._releases, self._stages, self._zero, under_way)

    def _verdict(self, verdict: Verdict) -> None:
        if (verdict.judge, verdict.finding) == ("person", "advance"):
            self._approved[verdict.candidate] = verdict.sequence
            return
        self._last[verdict.candidate] = verdict
        if verdict.judge == "gate" and verdict.finding == "advance":
            self._granted[verdict.candidate] = len(self.alpha.grants)
            self.alpha = family.grant(self.alpha)[0]
        elif verdict.candidate in self._granted and verdict.finding in ("promoted", "refused", "rolled back"):
            self._settle(self._granted[verdict.candidate], promoted=verdict.finding == "promoted")

    def _settle(self, index: int, *, promoted: bool) -> None:
        if self.alpha.promoted[index] is None:
            self.alpha = family.settle(self.alpha, index, promoted=promoted)
