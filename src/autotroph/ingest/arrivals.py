"""What arrives from outside, as it is written on the wire, and the rows that it becomes.

A signal says what came back; a decision made elsewhere brings its own answer and, perhaps, signals. The
same two shapes are read from HTTP, from files and from the library.
"""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from autotroph.clock import Clock, digest
from autotroph.errors import InputError, UnknownName
from autotroph.features.context import crossed, featurise
from autotroph.ingest.stamping import LONGEST_ID, check_ids, check_inputs, stamp_signal
from autotroph.records import (
    IMPORTED,
    SILENCE,
    Completion,
    Decision,
    Option,
    Proposal,
    Signal,
    Terms,
    Value,
    canonical,
)
from autotroph.spec import Spec
from autotroph.spec.declaration import TaskSpec

Id = Annotated[str, Meta(max_length=LONGEST_ID)]
Moment = Annotated[
    float | str | None, Meta(description="seconds since the epoch, or ISO 8601 with a time zone")
]
Amount = Annotated[float, Meta(ge=0, le=1e15)]
Count = Annotated[int, Meta(ge=0, le=2**53)]

OLDEST = 946_684_800.0
"""The beginning of the year 2000: what claims to be older is a wrong clock or another unit."""

AHEAD = 86_400.0
"""Seconds that a sender's clock may be ahead of ours."""

TOLERANCE = 1e-6
"""By how much probabilities may miss their sum of 1."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What signals and decisions have in common: whose they are, when they were, what was agreed to.

    Attributes:
        key: idempotency key; derived where there is none.
        at: event time; when it arrives, if left out.
        user: pseudonymous id of the person.
        purposes, learn, region, retention: the terms; as the declaration says, where they are left out.
    """

    key: Id = ""
    at: Moment = None
    user: Id = ""
    purposes: tuple[Id, ...] | None = None
    learn: bool | None = None
    region: Id | None = None
    retention: Id | None = None


class SignalIn(Arrival, frozen=True, kw_only=True):
    """One thing that came back.

    Attributes:
        subject: id of the decision, session or user that the signal is declared to be about.
        name: of a declared signal.
        value: of its declared type.
        source: who says so.
    """

    subject: Id
    name: Id
    value: Value
    source: Literal["user", "outcome", "annotator", "judge", "system"] = "user"


class DecisionIn(Arrival, frozen=True, kw_only=True):
    """A decision that was made elsewhere, with what came of it.

    Attributes:
        task: of the declaration.
        inputs: structured.
        option: what was taken, where that is known: an action, or a variant.
        output: what was put out.
        id: the sender's own, by which later signals find the decision.
        session: decisions that share an outcome.
        probability: with which the option was taken, if only that is known.
        options: the probability of every option that could have been taken.
        signals: what came back about it, by the names of declared signals.
    """

    task: Id
    inputs: dict[str, Any] = {}
    option: Id = ""
    output: str = ""
    id: Id = ""
    session: Id = ""
    probability: float | None = None
    options: dict[Id, float] = {}
    tokens_in: Count = 0
    tokens_out: Count = 0
    cost_usd: Amount = 0.0
    latency_ms: Amount = 0.0
    error: str = ""
    signals: dict[Id, Value] = {}


def signal_of(spec: Spec, clock: Clock, said: SignalIn, *, verified: bool = True) -> Signal:
    """A signal as the ledger takes it.

    Args:
        spec: declares it.
        clock: gives time and id.
        said: what arrived.
        verified: whether a server-side key vouches for the user.

    Raises:
        UnknownName: no such signal, or retention class.
        InputError: the value is of another type, an id or the time cannot be.
    """
    return stamp_signal(
        spec,
        clock,
        said.name,
        said.subject,
        said.value,
        key=said.key,
        at=event_time(said.at, clock.now()),
        source=said.source,
        user=said.user,
        verified=verified,
        terms=terms_of(spec, said),
    )


def decision_of(
    spec: Spec,
    clock: Clock,
    said: DecisionIn,
    *,
    salt: str,
    verified: bool = True,
    at: float | None = None,
) -> tuple[Decision, Completion, list[Signal]]:
    """A decision made elsewhere as the ledger takes it: marked as an import, under no release.

    The same document gives the same rows, so that what is imported twice is stored once.

    Args:
        spec: declares task, options and signals.
        clock: gives time and ids.
        said: what arrived.
        salt: the product's, which the fold is drawn with.
        verified: whether a server-side key vouches for the user.
        at: event time where none was said: that of the first, if it was stored before; now if left out.

    Raises:
        UnknownName: no such task, option, signal or retention class.
        InputError: the unit that the task counts by is missing, or probabilities, time or ids cannot be.
    """
    declared = spec.task(said.task)
    check_ids(id=said.id, key=said.key, user=said.user, session=said.session, option=said.option)
    inputs, key = check_inputs(said.inputs), import_key(said)
    said = _answered(said, declared)
    id_ = said.id or clock.new_id("decision", key)
    unit, cluster = unit_of(spec, said.task, id_, said.user, said.session)
    moment = event_time(said.at, clock.now())
    when = moment if moment is not None else clock.now() if at is None else at
    decision = Decision(
        id=id_,
        task=said.task,
        release="",
        epoch=0,
        arm="main",
        p_arm=1.0,
        options=_options(said),
        option=said.option,
        unit=unit,
        unit_kind=declared.unit,
        cluster=cluster,
        fold=spec.gate.fold_of(cluster, salt),
        policy="",
        variant="",
        declaration=spec.digest,
        at=when,
        user=said.user,
        verified=verified,
        session=said.session,
        key=key,
        provenance="import",
        terms=terms_of(spec, said),
        inputs=inputs,
        proposals=_proposals(said, declared),
    )
    return decision, _completion(said, decision), _signals(spec, clock, said, decision)


def import_key(said: DecisionIn) -> str:
    """The idempotency key of an import: the sender's, else its own id, else the digest of all it says."""
    return f"{IMPORTED}{said.task}/{said.key or said.id or digest(canonical(said))}"


def unit_of(spec: Spec, task: str, id_: str, user: str, session: str) -> tuple[str, str]:
    """What a decision is randomised and counted by, and the cluster that its fold is drawn by.

    Raises:
        InputError: the task counts by something that is not said.
    """
    kind = spec.task(task).unit
    unit = {"user": user, "session": session, "decision": id_}[kind]
    if not unit:
        raise InputError(f"task {task!r} counts by {kind}: pass {kind}=… with the decision")
    return unit, (session or id_) if kind == "decision" else unit


def terms_of(spec: Spec, said: Arrival) -> Terms:
    """What was agreed to: as said, and where nothing was said, as declared.

    Raises:
        UnknownName: no such retention class.
    """
    names = Terms.__struct_fields__
    given = {name: value for name in names if (value := getattr(said, name)) is not None}
    if not given:
        return spec.privacy.terms
    terms = replace(spec.privacy.terms, **given)
    check_ids(region=terms.region)
    for purpose in terms.purposes:
        check_ids(purpose=purpose)
    if terms.retention not in spec.retention_classes:
        raise UnknownName("retention class", terms.retention, spec.retention_classes)
    return terms


def event_time(said: float | str | None, now: float) -> float | None:
    """Seconds since the epoch; None where nothing was said.

    >>> event_time("2023-11-14T22:13:20Z", 1_700_000_100.0)
    1700000000.0

    Raises:
        InputError: it is no time, has no time zone, or lies before 2000 or more than a day ahead.
    """
    if said is None:
        return None
    moment = _read_time(said) if isinstance(said, str) else float(said)
    if not OLDEST <= moment <= now + AHEAD:
        hint = "; send seconds, not milliseconds" if OLDEST <= moment / 1000 <= now + AHEAD else ""
        raise InputError(f"at: {said!r:.60} is before the year 2000 or more than a day ahead{hint}")
    return moment


def _read_time(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(
            f"at: {text!r:.60} is no time; send seconds since the epoch, or ISO 8601 such as"
            " 2026-01-31T12:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise InputError(f"at: {text!r:.60} has no time zone; add Z or one such as +02:00")
    return moment.timestamp()


# what was answered ---------------------------------------------------------------------------------------


def _answered(said: DecisionIn, declared: TaskSpec) -> DecisionIn:
    """What was taken, as the task declares it; of an action, its name is also what is put out."""
    if declared.kind == "choice":
        taken = said.option or said.output
        said = replace(said, option=taken, output=said.output or taken)
    if not (said.option or said.output or said.error):
        raise InputError("nothing was answered: give option, output or error")
    for name in (said.option, *said.options):
        _check_option(name, declared)
    return said


def _check_option(name: str, declared: TaskSpec) -> None:
    """Refuse an option that the task does not have; one that declares none has what came with each call."""
    if declared.kind == "choice":
        known, stem = declared.actions, name
    else:
        silent = (SILENCE,) if declared.kind == "text" and declared.variants else ()
        known, stem = (*declared.variants, *silent), name.partition(":")[0]
    if name and known and stem not in known:
        raise UnknownName("option", name, known)


def _options(said: DecisionIn) -> tuple[Option, ...]:
    """The probabilities as far as they are known: of every option, of the one taken, or of none."""
    if said.options and said.probability is not None:
        raise InputError("give options, or the probability of the one taken, not both")
    chances = said.options or ({} if said.probability is None else {said.option: said.probability})
    if chances:
        _check_chances(chances, said.option)
    total = sum(said.options.values())
    if said.options and abs(total - 1.0) > TOLERANCE:
        raise InputError(f"the probabilities of the options sum to {total:.9g}, not to 1")
    return tuple(Option(name, chance) for name, chance in chances.items())


def _check_chances(chances: Mapping[str, float], taken: str) -> None:
    if not taken:
        raise InputError("there are probabilities, but option does not say what was taken")
    for name, chance in chances.items():
        if not (isfinite(chance) and 0.0 <= chance <= 1.0):
            raise InputError(f"the probability of {name!r} is {chance}; it lies between 0 and 1")
    if taken not in chances:
        raise InputError(f"options have no probability of {taken!r}, which was taken")
    if not chances[taken]:
        raise InputError(f"{taken!r} was taken with probability 0, which cannot be")


def _proposals(said: DecisionIn, declared: TaskSpec) -> tuple[Proposal, ...]:
    """What was known about each action, which is what the inputs say; of other answers nothing is known."""
    if declared.kind != "choice" or not said.option:
        return ()
    features = featurise(said.inputs, declared.context)
    names = tuple(said.options) or declared.actions or (said.option,)
    return tuple(Proposal(name, name, crossed(features, name)) for name in names)


def _completion(said: DecisionIn, decision: Decision) -> Completion:
    return Completion(
        decision=decision.id,
        output=said.output,
        at=decision.at,
        tokens_in=said.tokens_in,
        tokens_out=said.tokens_out,
        cost_usd=said.cost_usd,
        latency_ms=said.latency_ms,
        error=said.error,
    )


def _signals(spec: Spec, clock: Clock, said: DecisionIn, decision: Decision) -> list[Signal]:
    return [_signal(spec, clock, name, said.signals[name], decision) for name in said.signals]


def _signal(spec: Spec, clock: Clock, name: str, value: Value, decision: Decision) -> Signal:
    if name not in spec.signals:
        raise UnknownName("signal", name, spec.signals)
    about = spec.signals[name].about
    subject = {"decision": decision.id, "session": decision.session, "user": decision.user}[about]
    if not subject:
        raise InputError(f"signal {name!r} is about a {about}: pass {about}=… with the decision")
    return stamp_signal(
        spec,
        clock,
        name,
        subject,
        value,
        key=f"import:{digest(decision.key, name)[:32]}",
        at=decision.at,
        user=decision.user,
        verified=decision.verified,
        terms=decision.terms,
    )
