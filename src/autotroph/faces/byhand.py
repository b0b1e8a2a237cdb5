"""What a person proposes: it goes the way of everything else."""

from collections.abc import Sequence

from msgspec.structs import replace

from autotroph.clock import digest
from autotroph.errors import InputError, UnknownName
from autotroph.optimize.bench import candidate_of
from autotroph.optimize.track import Proposed
from autotroph.policy.documents import AnyPolicy, freeze
from autotroph.records import PERSON, Body, Candidate, Record, Verdict
from autotroph.rooms import Rooms


def propose(rooms: Rooms, task: str, name: str, policy: AnyPolicy | None, body: Body | None) -> Candidate:
    """A candidate: another policy over what serves, or another body altogether; see `Product.propose`."""
    rows = proposed(rooms, task, name, policy, body)
    rooms.append(*rows)
    return next(row for row in rows if isinstance(row, Candidate))


def proposed(rooms: Rooms, task: str, name: str, policy: AnyPolicy | None, body: Body | None) -> list[Record]:
    """The rows of such a candidate."""
    rooms.spec.reward_of(task)
    rooms.begin(task)
    main = rooms.desks[task].standing.main.release
    document = freeze(policy) if policy is not None else None
    made = rooms.bench.pinned(body) if body is not None else main.body
    _check_variant(policy, [*made.variants, *rooms.spec.task(task).actions])
    if document is not None:
        made = replace(made, policy=document.digest)
    dataset = rooms.digestions[task].dataset("", 0)
    candidate = candidate_of(name, PERSON, Proposed(made), dataset, main, rooms.clock.now())
    return [*([document] if document else []), candidate]


def approve(rooms: Rooms, candidate: str, by: str, ask: str = "") -> Candidate:
    """A person lets a candidate go on, asked for by `ask` or at once; see `Product.approve`."""
    under_way = [one for desk in rooms.desks.values() for one in desk.board.under_way()]
    found = [one for one in under_way if candidate in (one.id, one.name)]
    if not found:
        raise UnknownName("candidate under way", candidate, [one.name for one in under_way])
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise InputError(f"{len(found)} candidates are named {candidate!r}; say which by its id: {ids}")
    now, (one,) = rooms.clock.now(), found
    verdict = Verdict(
        id=f"verdict_{digest(one.id, 'approved', by, str(now))[:20]}",
        task=one.task,
        candidate=one.id,
        judge="person",
        finding="advance",
        reason=f"by {by}",
        evidence={},
        alpha=0.0,
        at=now,
    )
    details = {"name": one.name, "task": one.task, **({"ask": ask} if ask else {})}
    rooms.append(verdict, rooms.entry(by, "approved", one.id, **details))
    return one


def _check_variant(policy: AnyPolicy | None, known: Sequence[str]) -> None:
    name = getattr(policy, "variant", None)
    if name is not None and name not in known:
        raise UnknownName("variant", name, known)
