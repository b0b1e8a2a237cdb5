"""What a person proposes: it goes the way of everything else."""

from collections.abc import Sequence

from msgspec.structs import replace

from autotroph.errors import UnknownName
from autotroph.optimize.bench import candidate_of
from autotroph.optimize.track import Proposed
from autotroph.policy.documents import AnyPolicy, freeze
from autotroph.records import Body, Candidate
from autotroph.rooms import Rooms


def propose(rooms: Rooms, task: str, name: str, policy: AnyPolicy | None, body: Body | None) -> Candidate:
    """A candidate: another policy over what serves, or another body altogether; see `Product.propose`."""
    rooms.spec.reward_of(task)
    rooms.begin(task)
    main = rooms.desks[task].standing.main.release
    document = freeze(policy) if policy is not None else None
    proposed = body or main.body
    _check_variant(policy, [*proposed.variants, *rooms.spec.task(task).actions])
    if document is not None:
        proposed = replace(proposed, policy=document.digest)
    dataset = rooms.digestions[task].dataset("", 0)
    candidate = candidate_of(name, "person", Proposed(proposed), dataset, main, rooms.clock.now())
    rooms.append(*([document] if document else []), candidate)
    return candidate


def _check_variant(policy: AnyPolicy | None, known: Sequence[str]) -> None:
    name = getattr(policy, "variant", None)
    if name is not None and name not in known:
        raise UnknownName("variant", name, known)
