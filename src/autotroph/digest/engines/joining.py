"""Signals to decisions, as SQL: for each slot one value a decision, and whether it may be learned from.

Nearly every decision has at most one signal of a kind, and then every rule of taking comes to that one: so
all slots are pivoted by one pass of plain aggregates (`once`). Where there are several in time, `several`
takes them by their rule, for those decisions only. What is about users and sessions goes another way
(`others`): a session of a hundred thousand decisions must not become a hundred thousand squared.
"""

from autotroph.digest.engines.measures import About, Measures, Slot
from autotroph.digest.engines.narrow import sources
from autotroph.digest.engines.takes import running, whole

Levels = frozenset[tuple[str, About]]
"""Which signals there are about what: no query is made for others."""


class Joining:
    """The statements for one task.

    Args:
        measures: of the task.
        levels: which signals there are.
    """

    def __init__(self, measures: Measures, levels: Levels) -> None:
        self._slots = dict(enumerate(measures.slots))
        self._codes = {name: code for code, name in enumerate(sources(measures))}
        self._levels = levels
        self._direct = {
            n: slot for n, slot in self._slots.items() if (slot.source, "decision") in levels
        }

    def once(self) -> str:
        """(sequence, s0, s1, …, n, agreed): right where n is how many of them there are."""
        if not self._direct:
            return ""
        conditions = {n: self._condition(slot) for n, slot in self._direct.items()}
        values = [f"max({_column(slot)}) FILTER ({conditions[n]}) AS s{n}" for n, slot in self._direct.items()]
        counted = " + ".join(f"count(*) FILTER ({each})" for each in conditions.values())
        far = max(slot.limit for slot in self._direct.values())
        return (
            f"SELECT m.sequence, {', '.join(values)}, {self._counted() or counted} AS n,"
            ' bool_and(s.learns) AS agreed'
            " FROM made AS m JOIN s ON s.subject = m.about"
            f" WHERE s.about = 'decision' AND s.\"at\" < m.\"at\" + {far!r} GROUP BY m.sequence"
        )

    def doubtful(self) -> str:
        """(sequence): decisions for which a signal came more than once."""
        there = " + ".join(f"(s{n} IS NOT NULL)::INT" for n in self._direct)
        return f"SELECT sequence FROM once WHERE n > {there}"

    def several(self) -> str:
        """As `once`, for the doubtful ones."""
        parts, agreed, values = [], [], []
        for n, slot in self._direct.items():
            taken = whole(slot.take, self._rows(slot), "sequence")
            parts.append(f"LEFT JOIN ({taken}) AS t{n} USING (sequence)")
            agreed.append(f"coalesce(t{n}.agreed, true)")
            values.append(f"t{n}.v AS s{n}")
        return (
            f"SELECT q.sequence, {', '.join(values)}, 0 AS n, {' AND '.join(agreed)} AS agreed"
            f" FROM doubtful AS q {' '.join(parts)}"
        )

    def others(self) -> dict[str, tuple[int, str]]:
        """(sequence, v, agreed) by name: of the slot, what is about sessions or users."""
        found = {}
        for n, slot in self._slots.items():
            for about in ("session", "user"):
                if (slot.source, about) in self._levels:
                    found[f"s{n}_{about}"] = (n, self._other(slot, about))
        return found

    def told(self) -> tuple[str, str]:
        """What joins all of it to `made`, and the columns: s0, s1, … and `agreed`."""
        others = self.others()
        joins = ["LEFT JOIN told USING (sequence)"] if self._direct else []
        joins += [f"LEFT JOIN {name} USING (sequence)" for name in others]
        columns, agreed = [], ["coalesce(told.agreed, true)"] if self._direct else []
        for n, slot in self._slots.items():
            narrower = [f"told.s{n}"] if n in self._direct else []
            for name in (name for name, (of, _) in others.items() if of == n):
                heard = " OR ".join([*(f"{each} IS NOT NULL" for each in narrower), f"{name}.v IS NULL"])
                agreed.append(f"({heard} OR {name}.agreed)")
                narrower.append(f"{name}.v")
            columns.append(f"{_first(slot, narrower)} AS s{n}")
        return " ".join(joins), ", ".join([*columns, f"{' AND '.join(agreed) or 'true'} AS agreed"])

    def _counted(self) -> str:
        """All of the rows count alike, where no two slots read the same ones or up to different times."""
        slots = self._direct.values()
        alike = len({slot.limit for slot in slots}) == 1 and len({slot.source for slot in slots}) == len(slots)
        return "count(*)" if alike else ""

    def _condition(self, slot: Slot) -> str:
        return f's.k = {self._codes[slot.source]} AND s."at" < m."at" + {slot.limit!r}'

    def _rows(self, slot: Slot) -> str:
        return (
            f'SELECT m.sequence, {_column(slot)} AS v, s."at", s.id, s."user", s.learns'
            " FROM doubtful AS q JOIN made AS m USING (sequence) JOIN s ON s.subject = m.about"
            f" WHERE s.about = 'decision' AND {self._condition(slot)}"
        )

    def _other(self, slot: Slot, about: About) -> str:
        rows = (
            f'SELECT s.subject AS key, {_column(slot)} AS v, s."at", s.id, s."user", s.learns FROM s'
            f" WHERE s.about = '{about}' AND s.k = {self._codes[slot.source]}"
        )
        return (
            f"SELECT m.sequence, r.v, r.agreed FROM made AS m ASOF JOIN ({running(slot.take, rows)}) AS r"
            f' ON r.key = m."{about}" AND m."at" + {slot.limit!r} > r."at"'
        )


def _column(slot: Slot) -> str:
    return "s.text" if slot.type == "text" else "s.number"


def _first(slot: Slot, values: list[str]) -> str:
    if not values:
        return f"NULL::{'VARCHAR' if slot.type == 'text' else 'DOUBLE'}"
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"
