"""Signals to decisions, as SQL: for each slot one value a decision, and whether it may be learned from.

Nearly every decision has at most one signal of a kind, and then every rule of taking comes to that one: so
all slots about decisions are pivoted by one pass of plain aggregates (`once`). Where there are several in
time, `several` takes them by their rule, for those decisions only. What is about users and sessions goes
another way (`others`): a session of a hundred thousand decisions must not become as many squared.
"""

from autotroph.digest.engines.plan import Plan, Slot
from autotroph.digest.engines.takes import running, whole


class Joining:
    """The statements for one task, over the tables `made` and `d` and the relation `s`."""

    def __init__(self, plan: Plan) -> None:
        self._slots = dict(enumerate(plan.slots))
        self._direct = {n: slot for n, slot in self._slots.items() if slot.about == "decision"}
        self._reward = frozenset(plan.measures[0].slots.values())

    def heard(self) -> str:
        """(sequence, decided, place, k, …): rows in time about decisions, without their ids: see `again`."""
        if not self._direct:
            return ""
        far = max(slot.limit for slot in self._direct.values())
        codes = ", ".join(sorted({str(slot.source) for slot in self._direct.values()}))
        return (
            'SELECT m.sequence, m."at" AS decided, s.* EXCLUDE (subject, id)'
            " FROM made AS m JOIN s ON s.subject = m.about"
            f' WHERE s.k IN ({codes}) AND s."at" < m."at" + {far!r}'
        )

    def once(self) -> str:
        """(sequence, s0, s1, …, n, agreed): right where n is how many of them there are."""
        slots = self._direct
        values = [f"max({_single(one)}) FILTER ({_condition(one)}) AS s{n}" for n, one in slots.items()]
        return (
            f"SELECT s.sequence, {', '.join(values)}, {self._counted()} AS n, {self._agreed()} AS agreed"
            " FROM heard AS s GROUP BY s.sequence"
        )

    def doubtful(self) -> str:
        """(sequence): decisions for which a signal came more than once."""
        there = " + ".join(f"(s{n} IS NOT NULL)::INT" for n in self._direct)
        return f"SELECT sequence FROM once WHERE n > {there}"

    def again(self, *, tied: bool) -> str:
        """The rows about the doubtful ones; ids are read only where some are of one moment, and tied."""
        if not tied:
            return "SELECT *, '' AS id FROM heard SEMI JOIN doubtful USING (sequence)"
        return (
            "SELECT h.*, i.id FROM heard AS h SEMI JOIN doubtful USING (sequence)"
            " JOIN (SELECT place, id FROM s) AS i USING (place)"
        )

    def several(self) -> str:
        """(sequence, s0, s1, …, n, agreed): as `once`, for the doubtful ones."""
        parts = [
            f"LEFT JOIN ({whole(slot.take, self._again(slot), 'sequence')}) AS t{n} USING (sequence)"
            for n, slot in self._direct.items()
        ]
        values = ", ".join(f"t{n}.v AS s{n}" for n in self._direct)
        return (
            f"SELECT q.sequence, {values}, q.n, q.agreed"
            " FROM (SELECT sequence, n, agreed FROM once SEMI JOIN doubtful USING (sequence)) AS q "
            + " ".join(parts)
        )

    def others(self) -> dict[str, str]:
        """(sequence, v, agreed), by the name of a table: of each slot about sessions or users."""
        apart = {n: slot for n, slot in self._slots.items() if slot.about != "decision"}
        return {f"other{n}": _every(s) if s.credit == "every" else _credited(s) for n, s in apart.items()}

    def told(self) -> tuple[str, str]:
        """What joins all of it to `made`, and the columns: s0, s1, … and `agreed`."""
        others = [n for n in self._slots if n not in self._direct]
        joins = ["LEFT JOIN told USING (sequence)"] if self._direct else []
        joins += [f"LEFT JOIN other{n} USING (sequence)" for n in others]
        columns = [f"told.s{n} AS s{n}" if n in self._direct else f"other{n}.v AS s{n}" for n in self._slots]
        agreed = ["coalesce(told.agreed, true)"] if self._direct else []
        agreed += [f"coalesce(other{n}.agreed, true)" for n in others if n in self._reward]
        return " ".join(joins), ", ".join([*columns, f"{' AND '.join(agreed) or 'true'} AS agreed"])

    def _again(self, slot: Slot) -> str:
        return (
            f'SELECT s.sequence, {_column(slot)} AS v, s."at", s.id{_user(slot)} FROM again AS s'
            f" WHERE {_condition(slot)}"
        )

    def _counted(self) -> str:
        """All rows count alike, where no two slots read the same ones or up to different times."""
        slots = self._direct.values()
        limits, sources = {slot.limit for slot in slots}, {slot.source for slot in slots}
        if len(limits) == 1 and len(sources) == len(slots):
            return "count(*)"
        return " + ".join(f"count(*) FILTER ({_condition(slot)})" for slot in slots)

    def _agreed(self) -> str:
        """Whether all that counts for the reward may be learned from."""
        read = [slot for n, slot in self._direct.items() if n in self._reward]
        if len(read) == len(self._direct) and self._counted() == "count(*)":
            return "bool_and(s.learns)"
        counts = " OR ".join(f"({_condition(slot)})" for slot in read) or "false"
        return f"bool_and(s.learns OR NOT ({counts}))"


def _column(slot: Slot) -> str:
    return "s.text" if slot.type == "text" else "s.number"


def _user(slot: Slot) -> str:
    return ', s."user"' if slot.take == "votes" else ""


def _single(slot: Slot) -> str:
    return "(s.number <> 0)::INT::DOUBLE" if slot.take == "any" else _column(slot)


def _condition(slot: Slot) -> str:
    return f's.k = {slot.source} AND s."at" < s.decided + {slot.limit!r}'


def _every(slot: Slot) -> str:
    """What is about a session or user counts for all of their decisions, up to its limit."""
    value, of = _column(slot), f"FROM s WHERE s.k = {slot.source}"
    rows = f'SELECT s.subject AS key, {value} AS v, s."at", s.id{_user(slot)} {of}'
    refused = f'SELECT subject, min("at") AS "at" {of} AND NOT learns GROUP BY subject'
    until = f'm."at" + {slot.limit!r}'
    return (
        f'SELECT m.sequence, r.v, q."at" IS NULL OR q."at" >= {until} AS agreed'
        f" FROM made AS m ASOF JOIN ({running(slot.take, rows)}) AS r"
        f' ON r.key = m."{slot.about}" AND {until} > r."at"'
        f' LEFT JOIN ({refused}) AS q ON q.subject = m."{slot.about}"'
    )


def _credited(slot: Slot) -> str:
    """What is about a session counts for some of its served decisions, by their places in it."""
    value = f"{_column(slot)} / s.by_then" if slot.credit == "split" else _column(slot)
    rows = (
        f'SELECT m.sequence, {value} AS v, s."at", s.id{_user(slot)}, s.learns FROM ({_BY_THEN}) AS s'
        f" JOIN ({_PLACES}) AS p ON p.session = s.subject AND {_CREDIT[slot.credit]}"
        " JOIN made AS m ON m.about = p.key"
        f' WHERE s.k = {slot.source} AND s."at" < m."at" + {slot.limit!r}'
    )
    return (
        f"SELECT * FROM ({whole(slot.take, rows, 'sequence')})"
        f" JOIN (SELECT sequence, bool_and(learns) AS agreed FROM ({rows}) GROUP BY sequence)"
        " USING (sequence)"
    )


_CREDIT = {"first": "p.place = 1", "last": "p.place = s.by_then", "split": "p.place <= s.by_then"}
_PLACES = (
    'SELECT session, key, "at", row_number() OVER (PARTITION BY session ORDER BY "at", id) AS place'
    " FROM d WHERE served AND session IS NOT NULL"
)
_BY_THEN = (
    "SELECT s.*, coalesce(p.place, a.place) AS by_then FROM s"
    f' ASOF LEFT JOIN (SELECT session, "at", max(place) AS place FROM ({_PLACES}) GROUP BY ALL) AS p'
    ' ON p.session = s.subject AND s."at" >= p."at"'
    f" JOIN (SELECT session, max(place) AS place FROM ({_PLACES}) GROUP BY session) AS a"
    " ON a.session = s.subject"
)
