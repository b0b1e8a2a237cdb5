"""What is said over HTTP beyond the shapes in which signals and decisions arrive: requests and answers."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from autotroph.faces.gateway.asked import OursIn
from autotroph.faces.tried import Tried
from autotroph.faces.underway import UnderWay
from autotroph.ingest.arrivals import Id
from autotroph.observe.health import Health
from autotroph.plan.steps import Plan
from autotroph.records import Arm, Entry, Measurement, Option, StageName, Verdict
from autotroph.unattended.freezing import FARTHEST
from autotroph.unattended.runner import Turning

Said = Annotated[str, Meta(max_length=2000)]
"""Words for the journal."""


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a request."""


class ProposalIn(Asked, frozen=True, kw_only=True):
    """An option that comes with the call, and what is known about it."""

    option: Annotated[str, Meta(min_length=1, max_length=256)]
    output: str = ""
    features: dict[Id, float] = {}


class DecideIn(Asked, frozen=True, kw_only=True):
    """What is to be decided.

    Attributes:
        inputs: structured.
        user: pseudonymous id; needed where the task's unit is the user.
        session: decisions that share an outcome; needed where the unit is the session.
        key: idempotency key: the same request again gives the same decision.
        options: to choose from, instead of the task's own.
        purposes, learn, region, retention: the terms; as the declaration says, where they are left out.
    """

    inputs: dict[str, Any] = {}
    user: Id = ""
    session: Id = ""
    key: Id = ""
    options: Annotated[tuple[ProposalIn, ...], Meta(max_length=1000)] = ()
    purposes: tuple[Id, ...] | None = None
    learn: bool | None = None
    region: Id | None = None
    retention: Id | None = None


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A decision.

    Attributes:
        id: what signals are about.
        option: what was taken.
        output: what it puts out.
        arm, release, epoch: by which release it was made.
        options: everything that could have been taken, with its probability.
        recorded: whether it is on disk. One that is not may still get there.
        reason: why it is not.
    """

    id: str
    option: str
    output: str
    arm: Arm
    release: str
    epoch: int
    options: tuple[Option, ...]
    recorded: bool
    reason: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a stream that was not taken, as a request with it alone would have been answered."""

    line: int
    type: str
    reason: str
    first: dict[str, Any] = {}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a stream; everything that is counted as stored or known is on disk.

    Attributes:
        stored: lines that are new.
        known: lines that were there already.
        refused: the first of those that were refused.
        refused_count: how many there are of them.
    """

    stored: int = 0
    known: int = 0
    refused: tuple[Refused, ...] = ()
    refused_count: int = 0


class RollbackIn(Asked, frozen=True, kw_only=True):
    """A release to go back to.

    Attributes:
        task: may be left out where there is only one.
        to: id or name of a release that served; what the present one replaced if left out.
    """

    task: Id = ""
    to: Id = ""


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """What serves from the next decision on.

    Attributes:
        recorded: whether it is in the ledger. Where it is not, it will be when that takes rows again.
        reason: why it is not.
    """

    task: str
    release: str
    name: str
    recorded: bool
    reason: str = ""


class FreezeIn(Asked, frozen=True, kw_only=True):
    """What is to stand still.

    Attributes:
        task: all of them if left out.
        until: when it is over by itself, seconds since the epoch; until it is thawed if left out.
        reason: for the journal, and for whoever asks why nothing moves.
    """

    task: Id = ""
    until: Annotated[float, Meta(ge=0, le=FARTHEST)] | None = None
    reason: Said = ""


class ThawIn(Asked, frozen=True, kw_only=True):
    """What may advance again: a task that is frozen by itself, or whatever is if that is left out."""

    task: Id = ""


class Thawed(msgspec.Struct, frozen=True, kw_only=True):
    """What may advance again: a task, or all of them where that is empty.

    Attributes:
        still: why something stands still all the same, each with what it is about; a freeze of another
            task, or quiet hours.
    """

    task: str
    still: dict[str, str]


class ApproveIn(Asked, frozen=True, kw_only=True):
    """A candidate that may go on: its id, or its name."""

    candidate: Annotated[str, Meta(min_length=1, max_length=256)]


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate that may go on; the next cycle sees to it."""

    candidate: str
    task: str
    name: str


class StartIn(Asked, frozen=True, kw_only=True):
    """An experiment to be started.

    Attributes:
        name: of the declaration, or a new one.
        declared: the keys of `[experiments.NAME]`, for one that is not in the declaration.
    """

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    declared: dict[str, Any] = {}


class ConcludeIn(Asked, frozen=True, kw_only=True):
    """How an experiment ends.

    Attributes:
        decision: what was decided, in words.
        propose: an arm that becomes a candidate; none if left out.
    """

    decision: Said
    propose: Id = ""


class Experiments(msgspec.Struct, frozen=True, kw_only=True):
    """Every experiment that was started, and the names of those that are declared and were not."""

    items: tuple[Tried, ...]
    not_started: tuple[str, ...]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What the declaration changes.

    Attributes:
        changed: whether there is anything for `autotroph apply` to do.
        digest: of the steps that would be run: another plan has another one.
        plan: the steps themselves.
    """

    changed: bool
    digest: str
    plan: Plan


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process is there."""

    alive: Literal[True] = True


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The store takes rows.

    Attributes:
        cycle: the kind of error that the last cycle failed with, if it did.
        declared: whether it serves what its file declares now, or, because that is wrong, what it did before.
    """

    ready: Literal[True] = True
    cycle: str = ""
    declared: Literal["now", "before"] = "now"


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """How the server itself is.

    Attributes:
        version: of autotroph.
        since: when it began, seconds since the epoch.
        fault: why the store takes nothing; empty while it does.
        unrecorded: decisions that were answered and did not reach the store, since the journal last said so.
        waiting: signals that wait to be taken.
        loop: its background cycles.
    """

    version: str
    since: float
    fault: str
    unrecorded: int
    waiting: int
    loop: Turning


class Status(Health, frozen=True, kw_only=True):
    """The product's health, what goes on just now, and how the server itself is."""

    healthy: bool
    under_way: UnderWay
    serving: Serving


class Paging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a list begins, and how long it is.

    Attributes:
        after: a ledger sequence; rows behind it are listed.
        limit: rows at most.
    """

    after: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a list, in ledger order.

    Attributes:
        next: what to ask for `after` to read on; None at the end.
    """

    next: int | None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A release, where it stands, and what was found about it last."""

    sequence: int
    release: str
    task: str
    name: str
    parent: str
    candidate: str
    made: float
    stage: StageName
    epoch: int
    share: float
    since: float
    finding: str
    judge: str
    reason: str


class Releases(Page, frozen=True, kw_only=True):
    """Releases."""

    items: tuple[Standing, ...]


class Verdicts(Page, frozen=True, kw_only=True):
    """Verdicts."""

    items: tuple[Verdict, ...]


class Measurements(Page, frozen=True, kw_only=True):
    """Measurements; an end of an interval that nothing is known about is null."""

    items: tuple[Measurement, ...]


class Journal(Page, frozen=True, kw_only=True):
    """Entries of the journal."""

    items: tuple[Entry, ...]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A route, and the scope that a key needs for it; empty where none is needed."""

    method: str
    path: str
    scope: str
    summary: str


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """What there is."""

    product: str
    version: str
    routes: tuple[Link, ...]


class ChatIn(msgspec.Struct, frozen=True, kw_only=True):
    """A request as OpenAI's interface has it; whatever else it holds is passed on.

    Attributes:
        model: a task, `task::variant`, or a model.
        autotroph: who asks, in which conversation, with which structured inputs; goes no further.
    """

    model: str
    messages: tuple[dict[str, Any], ...] = ()
    stream: bool = False
    autotroph: OursIn = OursIn()


class ChatModel(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be asked for as a model."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = ""


class ChatModels(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    object: Literal["list"] = "list"
    data: tuple[ChatModel, ...] = ()
