"""Frozen sets at the gate: floors for all of a set and for its slices, and cases that may never regress.

Nobody sees these answers, so nothing is drawn: what a policy is worth on a case is its expectation over the
options that it may take. They are made by the code that serves and valued by the code that values.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from autotroph.clock import digest
from autotroph.deploy.serving import Serving
from autotroph.deploy.sources import Sources
from autotroph.deploy.standing import Live
from autotroph.errors import InputError, SpecError
from autotroph.records import Artefact, Completion, Decision, Entry, Interaction, Record
from autotroph.spec import Spec
from autotroph.spec.sets import Case, FrozenSet, SetSpec, read_set
from autotroph.store import Reader

KIND = "set"
"""Of the artefact that keeps the cases, and of the line of the journal that says which they are now."""

ALIKE = 1e-9
"""Sums of the same numbers in another order are no regression."""

WHOLE = ""
"""The name of all cases among the slices."""

Values = dict[str, float]
"""What each case came to, by its id."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """All of a set, or a slice of it.

    Attributes:
        mean: what a case is worth by what is examined.
        serving: and by what serves; None where that is itself what is examined.
        floor: as declared.
    """

    cases: int
    mean: float
    serving: float | None = None
    floor: float | None = None

    @property
    def below(self) -> bool:
        """Whether it is below the floor, and what serves is not even lower."""
        return self.floor is not None and self.mean < self.wanted - ALIKE

    @property
    def wanted(self) -> float:
        """The floor; where what serves is below it, no worse than that."""
        floor = self.floor if self.floor is not None else self.mean
        return floor if self.serving is None else min(floor, self.serving)


class Exam(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a set.

    Attributes:
        digest: of the file that the cases were in.
        parts: all of it under the empty name, and its slices.
        regressed: ids of critical cases that are worth less than under what serves.
        learned: how many cases ask what the tracks have learned from.
    """

    name: str
    digest: str
    measure: str
    margin: float
    parts: dict[str, Part]
    regressed: tuple[str, ...] = ()
    learned: int = 0

    @property
    def whole(self) -> Part:
        """All of its cases."""
        return self.parts[WHOLE]

    @property
    def fault(self) -> str:
        """Why a candidate is refused; empty where it is not."""
        return next(self._faults(), "")

    def _faults(self) -> Iterator[str]:
        if self.regressed:
            more = f" and {len(self.regressed) - 3} more" if len(self.regressed) > 3 else ""
            ids = ", ".join(repr(one) for one in self.regressed[:3])
            yield f"critical cases of the set {self.name!r} got worse than under what serves: {ids}{more}"
        for name, part in self.parts.items():
            if part.below:
                over = f"the slice {name!r} of " if name else ""
                least = f"at least {part.floor:.4f} is wanted"
                if part.wanted != part.floor:
                    least += f", or {part.wanted:.4f}, which is what serves and below that itself"
                yield f"{part.mean:.4f} over {over}the set {self.name!r} ({part.cases} cases); {least}"
        whole = self.whole
        if whole.serving is not None and whole.mean < whole.serving - self.margin - ALIKE:
            yield (
                f"{whole.mean:.4f} over the set {self.name!r}, where what serves has {whole.serving:.4f}; at"
                f" most {self.margin:g} less is allowed"
            )


def examined(
    live: Live, main: Live | None, spec: Spec, serving: Serving, sources: Sources
) -> tuple[Exam, ...]:
    """Let a release answer the cases of its task's sets, beside what serves.

    Args:
        live: what is examined.
        main: what serves; None where that is it.
        spec: the declaration.
        serving: answers.
        sources: values the answers.

    Raises:
        SpecError: the file of a set is missing, or is none.
        InputError: a case cannot be answered, or what an answer to it is worth is unknown.
    """
    return tuple(
        _exam(live, main, name, spec, read_set(spec, name), (serving, sources))
        for name, declared in spec.sets.items()
        if declared.task == live.release.task
    )


def news(task: str, spec: Spec, sources: Sources, now: float) -> Iterator[Record]:
    """The sets of a task that the ledger does not know as they are now: their cases, and that it is them.

    What cannot be read is left to the examination, which refuses it.
    """
    for name, declared in spec.sets.items():
        if declared.task == task:
            with suppress(SpecError):
                yield from _news(name, declared, read_set(spec, name), sources, now)


def _exam(
    live: Live, main: Live | None, name: str, spec: Spec, found: FrozenSet, by: tuple[Serving, Sources]
) -> Exam:
    declared = spec.sets[name]
    measure = declared.measure or spec.task(declared.task).reward
    ours = {one.id: _worth(live, one, measure, *by) for one in found.cases}
    theirs = {one.id: _worth(main, one, measure, *by) for one in found.cases} if main is not None else None
    asked = (request(declared.task, one, by[1]) for one in found.cases)
    return Exam(
        name=name,
        digest=found.digest,
        measure=measure,
        margin=declared.margin,
        parts=dict(_parts(found.cases, ours, theirs, declared)),
        regressed=tuple(
            one.id
            for one in found.cases
            if one.critical and theirs is not None and ours[one.id] < theirs[one.id] - ALIKE
        ),
        learned=sum(by[1].learned(one) for one in asked),
    )


def _parts(
    cases: Sequence[Case], ours: Values, theirs: Values | None, declared: SetSpec
) -> Iterator[tuple[str, Part]]:
    floors: Mapping[str, float | None] = {WHOLE: declared.floor, **declared.slices}
    for name in dict.fromkeys([WHOLE, *(one.slice for one in cases)]):
        ids = [one.id for one in cases if not name or one.slice == name]
        yield (
            name,
            Part(
                cases=len(ids),
                mean=_mean(ours, ids),
                serving=None if theirs is None else _mean(theirs, ids),
                floor=floors.get(name),
            ),
        )


def _mean(values: Values, ids: Sequence[str]) -> float:
    return sum(values[one] for one in ids) / len(ids)


def _worth(live: Live, case: Case, measure: str, serving: Serving, sources: Sources) -> float:
    """What a release is worth on a case: the mean over its options, by the probability of each."""
    who = f"{live.release.name!r} cannot be held to the case {case.id!r}"
    decision = request(live.release.task, case, sources)
    try:
        offered = serving.offered(decision, live)
        answered, completion = serving.shadow(decision, live, offered)
    except Exception as error:
        raise InputError(f"{who}: {type(error).__name__}: {error}") from error
    mean = 0.0
    for option, proposal in zip(answered.options, answered.proposals, strict=True):
        if option.probability > 0:
            taken = replace(answered, option=option.id, inputs=decision.inputs)
            said = completion if option.id == answered.option else _instead(completion, proposal.output)
            value = sources.score(measure, Interaction(decision=taken, completion=said, signals=case.signals))
            if value is None:
                raise InputError(f"{who}: what {option.id!r} is worth is unknown; does it lack a signal?")
            mean += option.probability * value
    return mean


def _instead(completion: Completion, output: str) -> Completion:
    return replace(completion, output=output)


def request(task: str, case: Case, sources: Sources) -> Decision:
    """A case as if somebody had asked it."""
    id_ = f"case_{digest(task, case.id)[:20]}"
    return Decision(
        id=id_,
        task=task,
        release="",
        epoch=0,
        arm="main",
        p_arm=1.0,
        options=(),
        option="",
        unit=id_,
        unit_kind="decision",
        cluster=id_,
        fold="",
        policy="",
        variant="",
        declaration="",
        at=0.0,
        given=bool(case.options),
        inputs=sources.redacted(case.inputs),
        proposals=case.options,
    )


def journalled(reader: Reader, name: str) -> str:
    """The digest of a set as it was used last; empty if it never was."""
    last = reader.get(Entry, event=KIND, subject=name)
    return str(last.details["digest"]) if last is not None else ""


def _news(name: str, declared: SetSpec, found: FrozenSet, sources: Sources, now: float) -> list[Record]:
    """What the ledger does not know yet: the cases themselves, and that it is them from now on."""
    last = sources.journalled(name)
    if last == found.digest:
        return []
    details = {"task": declared.task, "digest": found.digest, "before": last, "cases": len(found.cases)}
    return [
        Artefact(digest=found.digest, kind=KIND, body=found.body),
        Entry(actor="gate", event=KIND, subject=name, details=details, at=now),
    ]
