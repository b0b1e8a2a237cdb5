"""Signals to decisions, as SQL: for each slot one value a decision, and whether it may be learned from.

Nearly every subject has at most one signal of a kind, which may be learned from; then every rule of taking
comes to that one, and a plain join finds it. The decisions of all others (`doubtful`) are set aside (`few`)
and their signals taken by the rules (`several`). What is about users and sessions goes another way
(`others`): a session of a hundred thousand decisions must not become as many squared.
"""

import msgspec

from autotroph.digest.engines.plan import Plan, Slot
from autotroph.digest.engines.takes import running, whole


class Part(msgspec.Struct, frozen=True):
    """Which decisions are joined at once: of so many parts, a power of two, by the last bits of their keys.

    Joins that follow each other hold all of their tables, and do not make room for each other.
    """

    number: int = 0
    of: int = 1

    def holds(self, key: str) -> str:
        """The condition that a row is in it."""
        return f"{key} & {self.of - 1} = {self.number}" if self.of > 1 else "true"


class Told(msgspec.Struct, frozen=True):
    """What was said about some decisions, as parts of a query.

    Attributes:
        made: the decisions, as m.
        answers: what came of them, and perhaps of others.
        joins: what joins the signals to them.
        columns: s0, s1, …, one a slot, and `agreed`: whether all of them may be learned from.
    """

    made: str
    answers: str
    joins: str
    columns: str


class Joining:
    """The statements for one task, over the relations `made`, `d` and `s`."""

    def __init__(self, plan: Plan) -> None:
        self._slots = dict(enumerate(plan.slots))
        self._direct = {n: slot for n, slot in self._slots.items() if slot.about == "decision"}
        self._reward = frozenset(plan.measures[0].slots.values())

    @property
    def sources(self) -> tuple[int, ...]:
        """The places of the sources that are about decisions."""
        return tuple(sorted({slot.source for slot in self._direct.values()}))

    def heard(self) -> str:
        """(subject, k, at, place, …): rows about decisions, without their ids: see `again`."""
        codes = ", ".join(map(str, self.sources))
        return f"SELECT * EXCLUDE (id) FROM s WHERE k IN ({codes})"

    def refused(self) -> str:
        """(subject): about which something was said that the reward reads and nobody may learn from."""
        read = {slot.source for n, slot in self._direct.items() if n in self._reward}
        return f"SELECT subject FROM heard WHERE NOT learns AND k IN ({', '.join(map(str, read)) or 'NULL'})"

    def few(self) -> str:
        """The decisions that doubtful subjects are about."""
        return "SELECT m.* FROM made AS m SEMI JOIN doubtful ON doubtful.subject = m.about"

    def again(self, *, tied: bool) -> str:
        """The rows about these decisions; their ids are read only where some are tied."""
        ids, joined = ("i.id", " JOIN (SELECT place, id FROM s) AS i USING (place)") if tied else ("''", "")
        return (
            f'SELECT m.sequence, m."at" AS decided, r.*, {ids} AS id'
            f" FROM few AS m JOIN heard AS r ON r.subject = m.about{joined}"
        )

    def several(self) -> str:
        """(sequence, s0, s1, …, agreed): of decisions about which a signal came more than once."""
        parts = [
            f"LEFT JOIN ({whole(slot.take, self._again(slot), 'sequence')}) AS t{n} USING (sequence)"
            for n, slot in self._direct.items()
        ]
        values = ", ".join(f"t{n}.v AS s{n}" for n in self._direct)
        agreed = f"SELECT sequence, {self._agreed()} AS agreed FROM again AS s GROUP BY sequence"
        return f"SELECT q.sequence, {values}, q.agreed FROM ({agreed}) AS q {' '.join(parts)}"

    def others(self) -> dict[str, str]:
        """(sequence, v, agreed), by the name of a table: of each slot about sessions or users."""
        apart = {n: slot for n, slot in self._slots.items() if slot.about != "decision"}
        return {f"other{n}": _every(s) if s.credit == "every" else _credited(s) for n, s in apart.items()}

    def plainly(self, part: Part, *, doubtful: bool) -> Told:
        """What is told about the decisions of a part; without the few, if some are doubtful."""
        places = {slot: p for p, slot in enumerate(dict.fromkeys(map(_place, self._direct.values())))}
        made = f"(SELECT * FROM made WHERE {part.holds('about')}) AS m"
        shadows = "SELECT key FROM made WHERE about <> key"
        answers = f"(SELECT * FROM c WHERE {part.holds('key')} OR key IN ({shadows}))"
        if doubtful:
            made += " ANTI JOIN doubtful ON doubtful.subject = m.about"
        joins = [_only(p, source, limit, part) for (source, limit), p in places.items()]
        values = {n: _single(slot, f"h{places[_place(slot)]}") for n, slot in self._direct.items()}
        return self._told(made, answers if part.of > 1 else "c", joins, values)

    def severally(self) -> Told:
        """What is told about the few."""
        values = {n: f"several.s{n}" for n in self._direct}
        joins = ["LEFT JOIN several USING (sequence)"]
        return self._told("few AS m", "c", joins, values, "coalesce(several.agreed, true)")

    def _told(self, made: str, answers: str, joins: list[str], values: dict[int, str], *agreed: str) -> Told:
        others = [n for n in self._slots if n not in self._direct]
        joins = joins + [f"LEFT JOIN other{n} USING (sequence)" for n in others]
        agreed = agreed + tuple(f"coalesce(other{n}.agreed, true)" for n in others if n in self._reward)
        values = {n: values.get(n, f"other{n}.v") for n in self._slots}
        columns = [f"{value} AS s{n}" for n, value in values.items()]
        columns.append(f"{' AND '.join(agreed) or 'true'} AS agreed")
        return Told(made, answers, " ".join(joins), ", ".join(columns))

    def _again(self, slot: Slot) -> str:
        return (
            f'SELECT s.sequence, {_column(slot)} AS v, s."at", s.id{_user(slot)} FROM again AS s'
            f" WHERE {_counts(slot)}"
        )

    def _agreed(self) -> str:
        """Whether all that counts for the reward may be learned from."""
        read = [slot for n, slot in self._direct.items() if n in self._reward]
        counts = " OR ".join(f"({_counts(slot)})" for slot in read) or "false"
        return f"bool_and(s.learns OR NOT ({counts}))"


def _place(slot: Slot) -> tuple[int, float]:
    """Slots of one source and limit are joined together."""
    return slot.source, slot.limit


def _only(place: int, source: int, limit: float, part: Part) -> str:
    """Joins the rows of a source in time, of which each subject has one at most."""
    rows = f"SELECT * FROM heard WHERE k = {source} AND {part.holds('subject')}"
    h = f"h{place}"
    return f'LEFT JOIN ({rows}) AS {h} ON {h}.subject = m.about AND {h}."at" < m."at" + {limit!r}'


def _column(slot: Slot, of: str = "s") -> str:
    return f"{of}.text" if slot.type == "text" else f"{of}.number"


def _user(slot: Slot) -> str:
    return ', s."user"' if slot.take == "votes" else ""


def _single(slot: Slot, of: str) -> str:
    return f"({of}.number <> 0)::INT::DOUBLE" if slot.take == "any" else _column(slot, of)


def _counts(slot: Slot) -> str:
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
