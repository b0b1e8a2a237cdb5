"""What is known about a candidate where it stands: in shadow, in front of a share, or serving everybody."""

from collections.abc import Callable, Sequence
from math import log

from msgspec.structs import replace

from autotroph.deploy.comparisons import Comparisons, Served
from autotroph.deploy.evidence import Difference, Evidence, Scale, held_to, weigh
from autotroph.deploy.guards import Guards, Sides, mismatch
from autotroph.deploy.standing import Live, Standing
from autotroph.records import Candidate, Stage
from autotroph.spec import Spec
from autotroph.stats.alpha import share

Late = Callable[[int, float], str]
"""Why what comes back about an arm, after a ledger sequence, comes too late to compare; see `lateness`."""

MONTH = 30 * 86_400.0
EVEN = 0.5
"""Up to this share of the people the control is as large as the candidate's arm."""


class Weighing:
    """Evidence about one task's candidates.

    Args:
        task: its name.
        spec: the declaration.
        late: see above.
    """

    def __init__(self, task: str, spec: Spec, late: Late = lambda *_: "") -> None:
        self.task, self.spec, self._late = task, spec, late
        name, self.reward = spec.reward_of(task)
        self._paired = spec.paired(task)
        self.comparisons = Comparisons(name, spec.task(task).segments)
        self.guards = Guards(spec, task, self.comparisons)

    @property
    def paired(self) -> bool:
        """Whether comparisons are on the same decision; see `spec.declaration`."""
        return self._paired

    @property
    def window(self) -> float:
        """Seconds after a unit's first decision in which its decisions count."""
        return float(self.reward.horizon)

    def scale(self, alpha: float) -> Scale:
        """What evidence is weighed on, where "better" is to be proven at a level."""
        low, high = self.reward.range
        return Scale(width=high - low, margin=self.spec.ladder.margin, alpha=alpha, window=self.window)

    def shadow(
        self, candidate: Candidate, live: Live, standing: Standing, since: Stage, alpha: float, now: float
    ) -> Evidence:
        """A candidate that nobody sees against what serves, on the same decisions."""
        main = standing.main.release.id
        return self._same(candidate, (live.release.id, main), since, alpha, now)

    def climbing(
        self, candidate: Candidate, live: Live, standing: Standing, since: Stage, alpha: float, now: float
    ) -> Evidence:
        """A candidate in front of a share of the people, beside its concurrent control."""
        release, main, scale = live.release.id, standing.main.release.id, self.scale(alpha)
        whole = self._sides(since, _is("candidate"), _is("control", main))
        sides = whole if live.stage.share <= EVEN else whole.partnered
        if self.paired:
            after = since.sequence
            shown = self.comparisons.paired(release, main, after=after, arm="candidate")
            unseen = self.comparisons.paired(release, main, after=candidate.sequence, shown=False)
            evidence = held_to(self._weighed(candidate, shown, scale, since, now), shown, unseen, scale)
        else:
            found = sides.differences(self.comparisons.earned, self.window, now)
            evidence = replace(
                self._weighed(candidate, found, scale, since, now),
                kind="split",
                late=self._late(since.sequence, now),
            )
        mine = live.stage.share
        return replace(
            evidence,
            guards=self.guards.weigh(sides, now),
            mismatch=mismatch(whole, mine / (mine + min(mine, 1.0 - mine))),
        )

    def keeping(
        self, candidate: Candidate, main: Live, parent: Live, since: Stage, alpha: float, now: float
    ) -> Evidence:
        """What serves, against what it replaced: in shadow, or beside the share that stayed with that.

        What is refitted within its envelope is weighed since its newest epoch, too: whoever met it before
        has had their window. All looks together are wrong no more often than one would be: half of the level
        is for all of the time, the rest for the epochs.
        """
        releases = main.release.id, parent.release.id
        if not main.release.body.envelope.refit:
            return self._kept(candidate, releases, since, alpha, now)
        whole = self._kept(candidate, releases, since, alpha, now, part=0.5)
        epochs = main.stage.epoch - since.epoch
        if not epochs:
            return whole
        fresh = self._kept(candidate, releases, main.stage, alpha, now, part=0.5 * share(epochs))
        return max(whole, fresh, key=lambda one: (any(guard.harmed for guard in one.guards), one.harm))

    def _kept(
        self,
        candidate: Candidate,
        releases: tuple[str, str],
        since: Stage,
        alpha: float,
        now: float,
        part: float = 1.0,
    ) -> Evidence:
        """Harm by what serves since a stage, at a part of the level."""
        if self.paired:
            evidence = self._same(candidate, releases, since, alpha, now, part)
        else:
            ours, theirs = _is("main", releases[0]), _is("control", releases[1])
            sides = self._sides(since, ours, theirs).partnered
            found = sides.differences(self.comparisons.earned, self.window, now)
            evidence = self._weighed(candidate, found, self.scale(alpha), since, now)
            evidence = replace(evidence, kind="split", guards=self.guards.weigh(sides, now, part))
        return replace(evidence, harm=evidence.harm + log(part))

    def _same(
        self,
        candidate: Candidate,
        releases: tuple[str, str],
        since: Stage,
        alpha: float,
        now: float,
        part: float = 1.0,
    ) -> Evidence:
        """The first of two releases against the second on the same decisions, its guardrails with it."""
        found = self.comparisons.paired(*releases, after=since.sequence)
        evidence = self._weighed(candidate, found, self.scale(alpha), since, now)
        return replace(evidence, guards=self.guards.shadowed(*releases, since.sequence, now, part))

    def _weighed(
        self, candidate: Candidate, found: Sequence[Difference], scale: Scale, since: Stage, now: float
    ) -> Evidence:
        evidence = weigh(candidate, found, scale, since=since.sequence, now=now)
        return replace(evidence, active=self.comparisons.active(now - MONTH))

    def _sides(self, since: Stage, ours: Callable[[Served], bool], theirs: Callable[[Served], bool]) -> Sides:
        return Sides(list(self.comparisons.served(since.sequence)), ours, theirs)


def _is(arm: str, release: str = "") -> Callable[[Served], bool]:
    return lambda one: one.arm == arm and (not release or one.release == release)
