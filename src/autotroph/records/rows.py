"""The rows of the ledger.

A record that was read from the ledger carries its `sequence`: the order in which the ledger took it,
which is the only order that counts. One that was not stored yet has sequence 0. `at` is event time,
seconds since the epoch. Digests are SHA-256, 64 hex digits.
"""

from typing import Any, Literal

import msgspec

from autotroph.records.bodies import Body

Arm = Literal["holdback", "control", "candidate", "main", "experiment"]
Fold = Literal["gate", "tracks", ""]
Finding = Literal["refused", "undecided", "advance", "hold", "promoted", "rolled back"]
StageName = Literal["baseline", "shadow", "canary", "serving", "replaced", "withdrawn", "experiment"]
MeasureKind = Literal["reward", "guardrail", "outcome"]
Value = bool | float | str

SILENCE = "silence"
"""The option of saying nothing. Every task of kind `text` has it."""

DECLARATION = "declaration"
"""The track of a candidate that is what a task is declared to serve."""

PERSON = "person"
"""The track of a candidate that somebody proposes by hand."""

IMPROVE = "improve"
"""The purpose that learning from a row takes."""

IMPORTED = "import:"
"""How the keys of decisions begin that were made elsewhere and brought in; nobody else's begin so."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the ledger. Each subclass is one table.

    Those there are very many of, and which hold nothing that could hold them (`gc=False`), are left out of
    the interpreter's search for cycles.
    """

    sequence: int = 0


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What may be done with a row: agreed when it was made, travelling with it from then on."""

    purposes: tuple[str, ...] = (IMPROVE,)
    learn: bool = True
    region: str = ""
    retention: str = "standard"

    @property
    def may_learn(self) -> bool:
        """Whether a track may see the row: learning was not objected to, and improving was agreed to."""
        return self.learn and IMPROVE in self.purposes


class Option(msgspec.Struct, frozen=True, gc=False):
    """One thing a policy could have chosen, and the probability with which it would have."""

    id: str
    probability: float


class Proposal(msgspec.Struct, frozen=True):
    """An option before the choice: what it would put out, and what is known about it (finite numbers)."""

    option: str
    output: str = ""
    features: dict[str, float] = {}


class Decision(Record, frozen=True, kw_only=True):
    """One choice, with the probability of everything that could have been chosen.

    A decision that was not `served` re-answers the served one named in `shadows`, off the hot path.
    `cluster` is the unit or, where that is a single decision, the session it belongs to: the fold is drawn
    and measured figures are clustered by it. `fold` says whose evidence it is: the gate's, or the tracks'.
    `given` says that the options came with the call, so that no release proposes others to it.
    `options` is empty where the decision was made elsewhere and nobody knows the probabilities: such a
    decision is no off-policy proof. `verified` says that a server-side key vouches for the user.
    """

    id: str
    task: str
    release: str
    epoch: int
    arm: Arm
    p_arm: float
    options: tuple[Option, ...]
    option: str
    unit: str
    unit_kind: Literal["user", "session", "decision"]
    cluster: str
    fold: Fold
    policy: str
    variant: str
    declaration: str
    at: float
    user: str = ""
    verified: bool = False
    session: str = ""
    served: bool = True
    shadows: str = ""
    given: bool = False
    key: str = ""
    provenance: Literal["product", "shadow", "import"] = "product"
    terms: Terms = Terms()
    inputs: dict[str, Any] = {}
    proposals: tuple[Proposal, ...] = ()

    @property
    def about(self) -> str:
        """The served decision that signals are about: itself, or the one it shadows."""
        return self.shadows or self.id


class Completion(Record, frozen=True, kw_only=True, gc=False):
    """What came of a decision. Latency is measured, so it is outside the trace.

    Attributes:
        tokens_cached: those of `tokens_in` that were read from a cache.
        tokens_reasoning: those of `tokens_out` that nobody sees.
        cost_usd: None where no price is declared, or the upstream did not say what was used.
        first_token_ms: until the first word of a streamed answer; None where none was streamed.
        error: why it failed; empty where it did not.
        finish: why it ended, as its upstream says it: `stop`, `length`, `tool_calls`, `content_filter`, or
            `refusal`; empty where nobody says.
    """

    decision: str
    output: str
    at: float
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    tokens_reasoning: int = 0
    cost_usd: float | None = 0.0
    latency_ms: float = 0.0
    first_token_ms: float | None = None
    error: str = ""
    finish: str = ""


class Signal(Record, frozen=True, kw_only=True, gc=False):
    """One thing that came back about a decision, a session or a user; `user` is whose doing it was."""

    id: str
    name: str
    about: Literal["decision", "session", "user"]
    subject: str
    value: Value
    at: float
    source: Literal["user", "outcome", "annotator", "judge", "system"] = "user"
    user: str = ""
    verified: bool = False
    fold: Fold = ""
    key: str = ""
    terms: Terms = Terms()


class Reward(Record, frozen=True, kw_only=True, gc=False):
    """What a decision was worth by one version of one declared measure; None where that is unknown.

    Of several final ones the newest counts: a signal that came late has moved it.
    """

    decision: str
    name: str
    version: str
    value: float | None
    final: bool
    at: float
    clipped: bool = False
    kind: MeasureKind = "reward"


class Erasure(Record, frozen=True, kw_only=True):
    """Somebody, or something of theirs, that was erased: the salted digest of an id, never the id.

    What is about an erased id is refused from then on.
    """

    digest: str
    about: Literal["decision", "session", "user"]
    at: float


class Artefact(Record, frozen=True, kw_only=True):
    """A content-addressed document, such as a policy."""

    digest: str
    kind: str
    body: bytes


class Candidate(Record, frozen=True, kw_only=True):
    """What a track or a person proposes, frozen before any evidence about it is counted."""

    id: str
    task: str
    name: str
    track: str
    parent: str
    body: Body
    snapshot: str
    at: float
    lineage: tuple[str, ...] = ()


class Release(Record, frozen=True, kw_only=True):
    """What a task serves, or may come to serve: a candidate that the gate let through, and release 0."""

    id: str
    task: str
    name: str
    parent: str
    candidate: str
    verdict: str
    body: Body
    at: float


class Stage(Record, frozen=True, kw_only=True):
    """Where a release stands: an append-only row. The newest row of a release is its stage.

    `policy` and `knowledge` are those of this epoch: an envelope moves them without a new release.
    """

    task: str
    release: str
    epoch: int
    name: StageName
    share: float
    policy: str
    knowledge: int
    verdict: str
    at: float


class Verdict(Record, frozen=True, kw_only=True):
    """What gate, ladder or a person found about a candidate, with the evidence and the α it was judged at."""

    id: str
    task: str
    candidate: str
    judge: Literal["gate", "ladder", "person"]
    finding: Finding
    reason: str
    evidence: dict[str, Any]
    alpha: float
    at: float


class Entry(Record, frozen=True, kw_only=True):
    """A line of the journal: something that changed behaviour, or that people will want to know."""

    actor: str
    event: str
    subject: str
    details: dict[str, Any]
    at: float


class Measurement(Record, frozen=True, kw_only=True):
    """A quantity measured over a window of ledger sequences, with its interval at level 1 − alpha."""

    name: str
    task: str
    value: float
    low: float
    high: float
    n: int
    alpha: float
    since: int
    until: int
    at: float


class Cycle(Record, frozen=True, kw_only=True):
    """Once round: everything up to the ledger sequence `through` was digested.

    `marks` are how many examples there were when a track last tried, or a release was last refitted.
    """

    number: int
    through: int
    at: float
    counts: dict[str, int] = {}
    marks: dict[str, int] = {}


CHAINED: tuple[type[Record], ...] = (Candidate, Release, Stage, Verdict, Entry)
"""Append-only and linked into one hash chain, in the order of the ledger."""

ROWS: tuple[type[Record], ...] = (
    *(Decision, Completion, Signal, Reward, Erasure, Artefact, Measurement, Cycle),
    *CHAINED,
)
