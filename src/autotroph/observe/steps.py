"""The five steps of the loop: deployed, observed, labelled, trained, redeployed. Closed when all are done."""

import msgspec

from autotroph.store import Reader

STEPS = ("deployed", "observed", "labelled", "trained", "redeployed")

FIRST_TIMES = """
SELECT (SELECT min(at) FROM releases WHERE task = :task) AS deployed,
       (SELECT min(at) FROM (
         SELECT min(s.at) AS at FROM signals s JOIN decisions d ON d.id = s.subject AND s.about = 'decision'
          WHERE d.task = :task AND d.provenance = 'product'
         UNION ALL
         SELECT min(s.at) FROM signals s JOIN decisions d ON d.session = s.subject AND s.about = 'session'
          WHERE d.task = :task AND d.provenance = 'product' AND d.session <> ''
         UNION ALL
         SELECT min(s.at) FROM signals s JOIN decisions d ON d.user = s.subject AND s.about = 'user'
          WHERE d.task = :task AND d.provenance = 'product' AND d.user <> '')) AS observed,
       (SELECT min(w.at) FROM rewards w JOIN decisions d ON d.id = w.decision
         WHERE d.task = :task AND d.provenance = 'product'
           AND w.final = 1 AND w.kind = 'reward' AND w.value IS NOT NULL) AS labelled,
       (SELECT min(at) FROM candidates WHERE task = :task AND track <> 'person') AS trained,
       (SELECT min(at) FROM verdicts WHERE task = :task AND finding = 'promoted'
           AND judge <> 'person') AS redeployed
"""
"""The query behind `steps`: neither what was imported counts nor what a person forced: the loop did not."""


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """When each step of one task was first done (event time); None where it was not.

    `observed` is the first signal that is about a decision, its session or its user. From there to
    `redeployed` is the time from a signal to a proven improvement: the metabolism of the first round.
    """

    deployed: float | None = None
    observed: float | None = None
    labelled: float | None = None
    trained: float | None = None
    redeployed: float | None = None

    @property
    def done(self) -> tuple[str, ...]:
        """The steps that are done.

        >>> Steps(deployed=1.0, observed=2.0).done
        ('deployed', 'observed')
        """
        return tuple(step for step in STEPS if getattr(self, step) is not None)

    @property
    def seconds(self) -> float | None:
        """From the first signal to the first proven release; None while the loop is open."""
        if len(self.done) < len(STEPS) or self.redeployed is None or self.observed is None:
            return None
        return self.redeployed - self.observed


def steps(reader: Reader, task: str) -> Steps:
    """Read a task's steps from the ledger."""
    table = reader.query(FIRST_TIMES, {"task": task})
    return msgspec.convert(table.dicts()[0], Steps)
