"""Frozen sets, before anything is judged by them: which have changed, and how what serves does on them."""

from collections.abc import Iterator
from typing import NamedTuple

from autotroph.deploy.desk import Desk
from autotroph.deploy.models import ModelPool
from autotroph.deploy.serving import Serving
from autotroph.deploy.sets import Exam, journalled
from autotroph.deploy.sources import NOTHING
from autotroph.digest.measures import scorer
from autotroph.errors import GateError, SpecError
from autotroph.govern.custody import Custody
from autotroph.govern.redaction import Redactor
from autotroph.policy.documents import AnyPolicy, thaw
from autotroph.records import CHAINED, Artefact
from autotroph.spec import Spec
from autotroph.spec.sets import read_set
from autotroph.store import Reader


class Changed(NamedTuple):
    """A set whose file is another one than was used last: digests, the new one empty if it cannot be read."""

    part: str
    before: str
    after: str


def changed(reader: Reader, spec: Spec) -> Iterator[Changed]:
    """The declared sets that were used before, and whose file has changed since."""
    for name in spec.sets:
        before = journalled(reader, name)
        try:
            after = read_set(spec, name).digest
        except SpecError:
            after = ""
        if before and before != after:
            yield Changed(f"the file of sets.{name}", before, after)


def examined_now(reader: Reader, spec: Spec, task: str) -> tuple[Exam, ...]:
    """What serves, held to the sets of a task. It only reads.

    Raises:
        SpecError: the file of a set is missing, or is none.
        InputError: a case cannot be answered here, or what it is worth is unknown.
        GateError: the task has no release yet.
    """

    def policy(named: str) -> AnyPolicy:
        found = reader.get(Artefact, digest=named)
        if found is None:
            raise GateError(f"policy {named[:12]} is not in the ledger; restore a backup")
        return thaw(found.body)

    salt = reader.meta("seed") or ""
    serving = Serving(ModelPool({}, lambda *_: ()), policy, salt)
    custody = Custody(reader, salt, Redactor(spec.privacy.redact, spec.privacy.patterns))
    desk = Desk(task, spec, serving, sources=NOTHING._replace(score=scorer(spec), redacted=custody.redacted))
    rows = (row for kind in CHAINED for row in reader.scan(kind))
    for row in sorted(rows, key=lambda one: one.sequence):
        desk.board.apply(row)
    return desk.examined()
