"""The declared tracks at work: who may propose now, and whose release may be refitted."""

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from autotroph.clock import digest
from autotroph.optimize.track import Job, Proposed
from autotroph.records import Artefact, Body, Candidate, Dataset, Envelope, Record, Release, Variant

Freeze = Callable[[Mapping[str, Variant]], Dataset]
"""The examples that a track may see, frozen: of what these variants proposed, and of imports."""


class Bench:
    """Several tracks on the same frozen examples, one candidate of each at a time."""

    def __init__(self, jobs: Mapping[str, Job], marks: Mapping[str, int]) -> None:
        self.jobs = jobs
        self.marks = dict(marks)
        """How many examples there were at the last attempt, by track, and at the last refit, by release."""

    def due(self, task: str, examples: int, main: Release) -> list[str]:
        """The tracks of a task that have enough new examples, and do not refit what serves anyway."""
        return [
            name
            for name, job in self.jobs.items()
            if job.task == task and not _refits(job, main.body.envelope) and self._due(name, job, examples)
        ]

    def _due(self, name: str, job: Job, examples: int) -> bool:
        if examples < job.track.needs:
            return False
        return name not in self.marks or examples - self.marks[name] >= job.every

    def propose(self, name: str, examples: int, freeze: Freeze, main: Release, now: float) -> list[Record]:
        """A candidate of one track, with the documents it refers to; nothing if it has nothing to say."""
        track = self.jobs[name].track
        dataset = freeze(track.variants(main.body))
        proposed = track.propose(dataset, main)
        self.marks[name] = examples
        if proposed is None or proposed.body == main.body:
            return []
        pinned = replace(proposed, body=self.pinned(proposed.body, by=name))
        candidate = candidate_of(name, name, pinned, dataset, main, now)
        return [*pinned.artefacts, dataset.snapshot, candidate]

    def pinned(self, body: Body, by: str = "") -> Body:
        """A body that may be refitted by tracks as they are declared now, and by no other learners.

        Args:
            body: that was proposed.
            by: the track that proposed it; those that it comes from stay who they were.
        """
        before = {name: learner for name, learner in body.envelope.learners.items() if name != by}
        now = {name: self.jobs[name].digest for name in body.envelope.refit if name in self.jobs}
        return replace(body, envelope=replace(body.envelope, learners=now | before))

    def refit(
        self, task: str, examples: int, freeze: Freeze, releases: Iterable[Release]
    ) -> dict[str, Artefact]:
        """The policies that are due to be refitted within their envelopes, by the release's id.

        What is proven about a release with an envelope is the learner, so it goes on learning in shadow and
        as a canary too; a refit uses only what came before the decisions that it will be judged on.
        """
        found: dict[str, Artefact] = {}
        for release in releases:
            for name, every in release.body.envelope.refit.items():
                job = self.jobs.get(name)
                if job is None or job.task != task or not job.track.needs:
                    continue
                if not _refits(job, release.body.envelope):
                    continue
                if examples - self.marks.setdefault(release.id, examples) < every:
                    continue
                self.marks[release.id] = examples
                proposed = job.track.propose(freeze(job.track.variants(release.body)), release)
                if proposed is not None and proposed.artefacts:
                    found[release.id] = proposed.artefacts[-1]
        return found


def _refits(job: Job, envelope: Envelope) -> bool:
    """Whether a release may be refitted by a track: as it was declared when it was proven, not otherwise."""
    return job.name in envelope.refit and envelope.learners.get(job.name) == job.digest


def candidate_of(
    name: str, track: str, proposed: Proposed, dataset: Dataset, parent: Release, now: float
) -> Candidate:
    """Freeze a proposal: what it is, what it comes from, what it has seen."""
    snapshot = dataset.digest
    return Candidate(
        id=f"candidate_{digest(name, parent.id, proposed.body.digest, snapshot)[:20]}",
        task=parent.task,
        name=name,
        track=track,
        parent=parent.id,
        body=proposed.body,
        snapshot=snapshot,
        at=now,
        lineage=(parent.id,),
    )
