"""The steps, run: the history is valued by what is declared now, in appends of bounded size.

Three marks in the journal make it whole or unfinished, never half: `applying` before the first value,
`measures` with `applied` after the last. Between them no cycle runs, and whoever applies again goes on where
the ledger ends.

What is to serve becomes a candidate, which goes the way of every other: gate, ladder, promotion. Past that it
comes only by force, which is journalled.
"""

from collections.abc import Callable, Iterator

import msgspec

from autotroph.deploy.releases import declared_body
from autotroph.digest.measures import measured
from autotroph.errors import InputError
from autotroph.ingest.joining import Open
from autotroph.optimize.bench import candidate_of
from autotroph.optimize.track import Proposed
from autotroph.plan import standards
from autotroph.plan.applied import recorded, says, standing
from autotroph.plan.steps import Plan, Propose
from autotroph.records import DECLARATION, Dataset, Record, Reward
from autotroph.rooms import Rooms

CHUNK = 2000
"""Decisions whose values are one append."""

Watch = Callable[[int, int], object]
"""Hears up to which decision it is done, and which is the last one: ledger sequences."""


def run(
    plan: Plan,
    rooms: Rooms,
    watch: Watch = lambda _done, _of: None,
    *,
    candidates: bool = False,
    force: str = "",
) -> int:
    """Run the steps of a plan; the rooms are to be folded again afterwards.

    Args:
        plan: of the same ledger and declaration as the rooms.
        rooms: of the product, in which no cycle runs meanwhile.
        watch: hears how far it is.
        candidates: whether candidates that people meet may be refused.
        force: who says that what is proposed shall serve at once, unproven; nobody if empty.

    Returns:
        How many values were appended.

    Raises:
        InputError: a candidate is in front of people, and nobody said that it may be refused.
    """
    made = 0
    _refuse_in_front(plan, candidates=candidates)
    if plan.revalued:
        began = _begin(plan, rooms)
        made = _revalue(plan, rooms, _reached(rooms, began), watch)
        _finish(plan, rooms, made)
    elif plan.dismissed:
        rooms.append(*_refused(plan, rooms, "what a candidate has to show is declared otherwise"))
    if plan.demanded or plan.explored:
        standards.agree(rooms, standards.declared(rooms.spec))
    for step in plan.proposed:
        _propose(step, rooms, force)
    return made


def _propose(step: Propose, rooms: Rooms, force: str) -> None:
    desk, now = rooms.desks[step.task], rooms.clock.now()
    documents, body = declared_body(rooms.spec, step.task, rooms.store.last())
    nothing = Dataset(task=step.task, through=0, examples=())
    main = desk.standing.main.release
    candidate = candidate_of(step.name, DECLARATION, Proposed(body), nothing, main, now)
    rooms.append(*documents, candidate)
    if force:
        moves = desk.force(candidate, force, now)
        rooms.append(*moves, rooms.entry(force, "forced", candidate.id, task=step.task, name=step.name))


def _refuse_in_front(plan: Plan, *, candidates: bool) -> None:
    if plan.in_front and not candidates:
        names = ", ".join(f"{one.name!r} (task {one.task})" for one in plan.in_front)
        raise InputError(
            f"people meet {names}, weighed by what has changed: wait until the ladder has decided,"
            " or have it refused: `autotroph apply --yes-with-candidates`, product.apply(candidates=True)"
        )


def _begin(plan: Plan, rooms: Rooms) -> int:
    """Journal what is begun, unless this very thing was begun before; the sequence at which it began."""
    begun = standing(rooms.store, rooms.spec).begun
    if begun is not None and begun.tasks == plan.tasks:
        return begun.sequence
    details = {"tasks": plan.tasks, "through": plan.through, "at": plan.at}
    rooms.append(rooms.entry("owner", "applying", **details), *_refused(plan, rooms, says(plan.revalued)))
    begun = standing(rooms.store, rooms.spec).begun
    assert begun is not None  # it was just written
    return begun.sequence


def _refused(plan: Plan, rooms: Rooms, why: str) -> list[Record]:
    """Whatever was weighed by what has changed is to be proposed again."""
    tasks, now = dict.fromkeys(one.task for one in plan.dismissed), rooms.clock.now()
    reason = f"{why}: to be proposed again, and measured by that"
    return [row for task in tasks for row in rooms.desks[task].dismiss(reason, now)]


_REACHED = """
SELECT d.sequence FROM rewards AS r JOIN decisions AS d ON d.id = r.decision
WHERE r.sequence > ? ORDER BY r.sequence DESC LIMIT 1
"""


def _reached(rooms: Rooms, began: int) -> int:
    """The last decision that was valued since: decisions are valued in the order of the ledger."""
    rows = rooms.store.query(_REACHED, (began,)).rows
    return msgspec.convert(rows[0][0], int) if rows else 0


_HEAD = "SELECT coalesce(max(sequence), 0) FROM decisions"


def _revalue(plan: Plan, rooms: Rooms, after: int, watch: Watch) -> int:
    """While some are written the next ones are valued; `watch` hears of what is on disk."""
    head = msgspec.convert(rooms.store.query(_HEAD).rows[0][0], int)
    made, written = 0, None
    for reached, rows in _valued(plan, rooms, after):
        if written is not None:
            written.durable()
            watch(after, head)
        after, written = reached, rooms.store.append(*rows)
        made += len(rows)
    if written is not None:
        written.durable()
    watch(head, head)
    return made


def _valued(plan: Plan, rooms: Rooms, after: int) -> Iterator[tuple[int, list[Reward]]]:
    """The values of so many decisions at a time, as the last cycle would have found them."""
    measures = {task: [rooms.measures[task][name] for name in names] for task, names in plan.tasks.items()}
    names = {name for each in measures.values() for one in each for name in one.expression.names}
    texts = any(name.startswith("inputs.") for name in names)
    for some in rooms.answered(after, some=CHUNK, texts=texts):
        waiting = [
            Open(0, one.name, decision, completion)
            for decision, completion in some
            if not decision.served or decision.sequence <= plan.through
            for one in measures.get(decision.task, ())
            if one.final(decision.at, plan.at) and (decision.served or one.scores == "any")
        ]
        if waiting:
            yield some[-1][0].sequence, _worth(plan, rooms, waiting)


def _worth(plan: Plan, rooms: Rooms, waiting: list[Open]) -> list[Reward]:
    joined = rooms.join(waiting, plan.through)
    found = (
        measured(rooms.measures[one.interaction.decision.task][one.measure], one.interaction, plan.at)
        for one in joined
    )
    return [value for value in found if value is not None]


def _finish(plan: Plan, rooms: Rooms, made: int) -> None:
    found = standing(rooms.store, rooms.spec)
    record = recorded(rooms.spec, msgspec.structs.replace(found, changes=()))
    rows: list[Record] = [
        rooms.entry("owner", "measures", **msgspec.to_builtins(record)),
        rooms.entry("owner", "applied", tasks=plan.tasks, values=made),
    ]
    rooms.append(*rows)
