"""The audit sample: which served decisions somebody should look at, so that the reward can be checked.

It is always on. A decision is in it by a hash of its id and of the ledger's own seed: so it can be drawn
again at any time from nothing but these, it cannot depend on arm, release or reward, and who is in it is in
nobody's power, nor known to those who answer or are answered. It is given out in the order of the hash, so
that however few of it somebody gets through, they are a random sample, too.
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from autotroph.clock import draw
from autotroph.records import Completion, Decision, Entry
from autotroph.spec import Spec
from autotroph.store import Reader

DRAWN = "audit sample"
"""The event with which the share of the sample is journalled, whenever it changes."""

NEWEST = 100_000
"""Of so many of a task's newest served decisions the sample waits; what is older tells little of today."""

_SERVED = f"""
SELECT id FROM decisions WHERE task = ? AND served = 1 AND provenance = 'product'
ORDER BY sequence DESC LIMIT {NEWEST}"""

_JUDGED = """
SELECT w.value AS id, EXISTS (SELECT 1 FROM signals AS s WHERE s.subject = w.value AND s.about = 'decision'
                                 AND s.source IN ('annotator', 'judge')) AS judged
FROM json_each(:ids) AS w JOIN agreed AS a ON a.decision = w.value
WHERE a.may_learn AND EXISTS (SELECT 1 FROM completions AS c WHERE c.decision = w.value AND c.error = '')"""


class Sample(msgspec.Struct, frozen=True):
    """The sample of a task's newest decisions: those that wait for a judgement, and how many have one."""

    waiting: tuple[str, ...] = ()
    judged: int = 0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as somebody is asked to judge it."""

    decision: str
    task: str
    at: float
    inputs: dict[str, Any]
    option: str
    output: str


class Draw(msgspec.Struct, frozen=True):
    """Who is in the sample.

    Args:
        salt: the ledger's seed.
        share: of the served decisions.
    """

    salt: str
    share: float

    def __call__(self, decision: str) -> bool:
        """Whether a decision is in it."""
        return self.place(decision) < self.share

    def place(self, decision: str) -> float:
        """Where a decision stands in [0, 1); the sample is what stands below the share."""
        return draw(self.salt, "audit", decision)


def draw_of(reader: Reader, spec: Spec) -> Draw:
    """The draw of a product."""
    return Draw(reader.meta("seed") or "", spec.gate.audit)


def sample(reader: Reader, spec: Spec, task: str) -> Sample:
    """The sample of a task, as far as those whose decisions it is agreed that they help to improve it."""
    draws = draw_of(reader, spec)
    inside = [str(id_) for (id_,) in reader.query(_SERVED, (task,)).rows if draws(str(id_))]
    inside.sort(key=draws.place)
    judged = {str(id_): bool(said) for id_, said in reader.query(_JUDGED, {"ids": json.dumps(inside)}).rows}
    waiting = tuple(one for one in inside if judged.get(one) is False)
    return Sample(waiting, sum(judged.values()))


def asked(reader: Reader, waiting: tuple[str, ...]) -> Iterator[Asked]:
    """What has to be judged of each, in the same order."""
    for id_ in waiting:
        decision, completion = reader.get(Decision, id=id_), reader.get(Completion, decision=id_)
        if decision is not None and completion is not None:  # else it was erased meanwhile
            yield Asked(
                decision=id_, task=decision.task, at=decision.at, inputs=decision.inputs,
                option=decision.option, output=completion.output,
            )  # fmt: skip


def drawn(reader: Reader, spec: Spec, now: float) -> Iterator[Entry]:
    """The row that says which share is in the sample, where the newest one does not."""
    before = reader.get(Entry, event=DRAWN)
    share = spec.gate.audit
    if before is None or before.details.get("share") != share:
        yield Entry(actor="loop", event=DRAWN, subject=spec.product.name, details={"share": share}, at=now)
