"""One cycle, one line a room: what came in is joined, valued, dared, learned from, and watched.

A cycle reads the ledger, decides, and appends everything that it decided in one transaction: a crash in
the middle leaves no trace, and the next cycle does the same again.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from autotroph.deploy.evidence import increments_of
from autotroph.deploy.experiments import trials
from autotroph.deploy.refits import held
from autotroph.deploy.serving import Answered
from autotroph.deploy.waivers import due, waivers
from autotroph.digest.measures import measured
from autotroph.govern.touched import settle, touched
from autotroph.ingest.joining import Joined
from autotroph.observe.deserving import deserving
from autotroph.observe.exploring import exploring
from autotroph.observe.lift import lift, lift_over_holdback
from autotroph.observe.sampling import drawn
from autotroph.observe.steps import steps
from autotroph.records import (
    Completion,
    Cycle,
    Dataset,
    Entry,
    Interaction,
    Measurement,
    Record,
    Reward,
    Stage,
    Variant,
    Verdict,
    variants_digest,
)
from autotroph.rooms import MEASURE_EVERY, Rooms


def cycle(rooms: Rooms) -> Cycle:
    """Once round. Returns when everything that it decided is on disk."""
    rooms.store.append().durable()
    notice(rooms)
    vouch(rooms)
    now, through = rooms.clock.now(), rooms.store.last()

    arrived = ingest(rooms, through)
    shadows = shadow(rooms, arrived)
    values = digest(rooms, through, now)
    rows: list[Record] = [row for answered in shadows for row in answered]
    rows += values
    for task in rooms.tasks:
        moves = deploy(rooms, task, now)
        rows += optimize(rooms, task, moves, through, now)
        rows += observe(rooms, task, moves, through, now)
        rows += experiment(rooms, task, through, now)

    rewards = sum(value.kind == "reward" for value in values)
    counts = {"decisions": len(arrived), "shadows": len(shadows), "rewards": rewards}
    marks = dict(rooms.bench.marks)
    done = Cycle(number=rooms.last.number + 1, through=through, at=now, counts=counts, marks=marks)
    rooms.append(*rows, done)
    rooms.last = done
    if not rooms.implicit.failing:
        settle(rooms.store)
    return done


def notice(rooms: Rooms) -> None:
    """1  What nobody sent, and can be seen in what people did: rows of their own, as if sent before."""
    faults = rooms.implicit.take(rooms.clock.now(), touched(rooms.store))
    rooms.append(*(rooms.entry("loop", "signal failed", name, reason=why) for name, why in faults.items()))


def vouch(rooms: Rooms) -> None:
    """4  Which rewards may be chased untried for how long, before anything is dared for them."""
    now, longest = rooms.clock.now(), float(rooms.spec.gate.waiver)
    rows: list[Record] = list(drawn(rooms.store, rooms.spec, now))
    for task in rooms.tasks:
        reward = rooms.spec.task(task).reward
        rows += due(waivers(rooms.store, task), task, (reward, rooms.versions(task)[reward]), longest, now)
    rooms.append(*rows)


def ingest(rooms: Rooms, through: int) -> list[Answered]:
    """1  What came in since the last cycle."""
    arrived = list(rooms.decided(rooms.last.through, through))
    rooms.joiner.take(arrived)
    for decision, completion in arrived:
        if decision.provenance == "product":
            failed = bool(completion.error)
            rooms.desks[decision.task].comparisons.serve(decision, failed=failed)
    return arrived


def shadow(rooms: Rooms, arrived: Sequence[Answered]) -> list[Answered]:
    """4  What the other releases would have answered: off the hot path, before anything is learned."""
    asked = [
        decision
        for decision, _ in arrived
        if decision.provenance == "product" and decision.arm != "experiment"
    ]
    made = [answered for decision in asked for answered in rooms.desks[decision.task].shadow(decision)]
    admit = rooms.custody.admit
    shadows = [(admit(decision), admit(completion)) for decision, completion in made]
    rooms.joiner.take(shadows)
    return shadows


def digest(rooms: Rooms, through: int, now: float) -> list[Reward]:
    """2  What each answer was worth, once its horizon has passed; again, where a signal came late or went."""
    moved = [
        value
        for joined in rooms.joiner.late(rooms.last.through, through, touched(rooms.store))
        if (value := _moved(rooms, joined, now))
    ]
    final = (_value(rooms, joined, now) for joined in rooms.joiner.due(now, through))
    return moved + [value for value in final if value is not None]


def _moved(rooms: Rooms, joined: Joined, now: float) -> Reward | None:
    """The value, if it is another than it was."""
    decision = joined.interaction.decision
    measure = rooms.measures[decision.task][joined.measure]
    before = rooms.store.get(Reward, decision=decision.id, name=measure.name, version=measure.version)
    value = measured(measure, joined.interaction, now)
    if value is None or (before and (before.value, before.clipped) == (value.value, value.clipped)):
        return None
    return _value(rooms, joined, now)


def _value(rooms: Rooms, joined: Joined, now: float) -> Reward | None:
    """The value of one measure; that of the reward makes an example, or evidence for the gate."""
    decision = joined.interaction.decision
    measure = rooms.measures[decision.task][joined.measure]
    if measure.kind == "reward":
        value = rooms.digestions[decision.task].digest(joined.interaction, now)
    else:
        value = measured(measure, joined.interaction, now)
    if value is not None and rooms.compares(measure, decision.task):
        rooms.desks[decision.task].comparisons.take(decision, value)
    return value


def deploy(rooms: Rooms, task: str, now: float) -> list[Record]:
    """4  What is dared: gate, ladder, promotion, rollback."""
    digestion = rooms.digestions[task]

    def worth(interaction: Interaction, answer: Completion) -> float | None:
        return digestion.worth(interaction, answer, now)

    return rooms.desks[task].judge(digestion.fold, worth, now, halted=rooms.halted(task))


def experiment(rooms: Rooms, task: str, through: int, now: float) -> list[Record]:
    """4  What the experiments by hand show so far; one that does harm ends."""
    desk = rooms.desks[task]
    last = partial(rooms.store.get, Measurement, task=task)
    return trials.watch(desk, last, rooms.late, through, now)


def optimize(rooms: Rooms, task: str, moves: Sequence[Record], through: int, now: float) -> list[Record]:
    """3  What the tracks propose; what serves or is on the ladder is refitted within its envelope."""
    desk, digestion = rooms.desks[task], rooms.digestions[task]
    if desk.board.standing is None:
        return list(moves)
    main = desk.standing.main.release

    def freeze(variants: Mapping[str, Variant]) -> Dataset:
        return digestion.dataset(variants_digest(variants), through)

    settled = not any(isinstance(row, Stage) for row in moves)
    learning = [live.release for live in (desk.standing.main, *desk.standing.open)] if settled else []
    refitted = rooms.bench.refit(task, digestion.count, freeze, learning)
    rooms.draft(refitted.values())
    refitted, refused = held(desk, refitted, now)
    policies = {release: policy.digest for release, policy in refitted.items()}
    renewed = desk.renew(moves, through, now, policies)
    free = [
        name for name in rooms.bench.due(task, digestion.count, main) if settled and not desk.board.busy(name)
    ]
    proposed = [row for name in free for row in rooms.bench.propose(name, digestion.count, freeze, main, now)]
    return [*refitted.values(), *refused, *renewed, *proposed]


def observe(rooms: Rooms, task: str, moves: Sequence[Record], through: int, now: float) -> list[Record]:
    """5  Was it worth it, and what will people want to know."""
    desk = rooms.desks[task]
    if desk.board.standing is None:
        return []
    rows: list[Record] = [_entry(row) for row in moves if isinstance(row, Verdict) and row.finding in _TOLD]
    if any(isinstance(row, Verdict) and row.finding == "promoted" for row in moves):
        rows += _closed(rooms, task, now)
    if desk.comparisons.grown(MEASURE_EVERY):
        rows.append(_lift(rooms, task, through, now))
        rows += exploring(rooms.store, rooms.spec, task, through, now, rooms.versions(task))
    if rooms.examine(task, now):
        rows += deserving(rooms.store, rooms.spec, task, now, rooms.versions(task))
    return rows


_TOLD = ("refused", "promoted", "rolled back")


def _entry(verdict: Verdict) -> Entry:
    details = {"verdict": verdict.id, "reason": verdict.reason, "alpha": verdict.alpha}
    return Entry(
        actor=verdict.judge, event=verdict.finding, subject=verdict.candidate, details=details, at=verdict.at
    )


def _closed(rooms: Rooms, task: str, now: float) -> list[Entry]:
    """The moment when all five steps are done for the first time."""
    before = steps(rooms.store, task)
    if before.redeployed is not None or before.observed is None:
        return []
    took, day = timedelta(seconds=round(now - before.observed)), datetime.fromtimestamp(now, UTC).date()
    details = {"seconds": now - before.observed, "text": f"loop closed on {day}, the cycle took {took}"}
    return [Entry(actor="loop", event="loop closed", subject=task, details=details, at=now)]


def _lift(rooms: Rooms, task: str, through: int, now: float) -> Measurement:
    desk = rooms.desks[task]
    span = (0, through)
    if not desk.paired:
        return lift_over_holdback(task, desk.comparisons.by_arm(), rooms.spec.ladder.holdback, span, now)
    zero = desk.standing.zero.release.id
    low, high = desk.reward.range
    found, _ = increments_of(desk.comparisons.lifted(zero), float(desk.reward.horizon), now)
    return lift(task, found, high - low, span, now)
