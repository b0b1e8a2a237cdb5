"""Signals to decisions, as Spark SQL: for each slot one value a decision, and whether it may be learned from.

What is about a decision is joined to it and aggregated. What is about a session or a user is laid on one
line of time with its decisions, and one pass over it tells each decision what the signals before its limit
come to: a session of a hundred thousand decisions stays as many rows.
"""

from autotroph.adapters.spark.narrow import double
from autotroph.adapters.spark.takes import STATES, WHOLE, voted, whole
from autotroph.digest.engines.plan import Plan, Slot


def told(plan: Plan) -> tuple[str, str]:
    """What joins the signals to the relation `m` of decisions, and the columns: s0, s1, … and `agreed`."""
    reward = frozenset(plan.measures[0].slots.values())
    parts: list[tuple[str, str]] = []
    columns: dict[int, str] = {}
    agreed: list[str] = []
    direct = {n: slot for n, slot in enumerate(plan.slots) if slot.about == "decision"}
    if direct:
        parts.append(("told", _direct(direct, reward)))
        agreed.append("coalesce(told.agreed, true)")
        columns |= {n: f"told.s{n}" for n, slot in direct.items() if slot.take != "votes"}
    for n, slot in enumerate(plan.slots):
        if n in direct and slot.take != "votes":
            continue
        parts.append((f"told{n}", _votes(direct, n) if n in direct else _about_many(slot)))
        columns[n] = f"told{n}.v"
        if n not in direct and n in reward:
            agreed.append(f"coalesce(told{n}.agreed, true)")
    joins = " ".join(f"LEFT JOIN ({sql}) AS {name} ON {name}.sequence = m.sequence" for name, sql in parts)
    found = [f"{columns[n]} AS s{n}" for n in range(len(plan.slots))]
    return joins, ", ".join([*found, f"{' AND '.join(agreed) or 'true'} AS agreed"])


def _direct(slots: dict[int, Slot], reward: frozenset[int]) -> str:
    """(sequence, s0, s1, …, agreed) of what is about decisions, but votes.

    It is grouped by `about` too, by which the rows lie together after the join: so nothing is sent again.
    """
    single = {n: slot for n, slot in slots.items() if slot.take != "votes"}
    values = [
        f"{WHOLE[slot.take].format(v=_column(slot))} FILTER (WHERE {_counts(slot)}) AS s{n}"
        for n, slot in single.items()
    ]
    counts = " OR ".join(f"({_counts(slot)})" for n, slot in slots.items() if n in reward) or "false"
    values.append(f"bool_and(learns OR NOT ({counts})) AS agreed")
    return f"SELECT sequence, {', '.join(values)} FROM ({_heard(slots)}) GROUP BY about, sequence"


def _votes(slots: dict[int, Slot], n: int) -> str:
    rows = f"SELECT *, {_column(slots[n])} AS v FROM ({_heard(slots)}) WHERE {_counts(slots[n])}"
    return whole("votes", rows, "about, sequence")


def _heard(slots: dict[int, Slot]) -> str:
    """Rows about decisions, in time for one of the slots."""
    codes = ", ".join(sorted({str(slot.source) for slot in slots.values()}))
    far = double(max(slot.limit for slot in slots.values()))
    return (
        "SELECT h.sequence, h.about, h.`at` AS decided, s.* FROM d AS h JOIN s ON s.subject = h.about"
        f" WHERE s.k IN ({codes}) AND s.`at` < h.`at` + {far}"
    )


def _counts(slot: Slot) -> str:
    return f"k = {slot.source} AND `at` < decided + {double(slot.limit)}"


def _column(slot: Slot) -> str:
    return "text" if slot.type == "text" else "number"


def _about_many(slot: Slot) -> str:
    return _every(slot) if slot.credit == "every" else _credited(slot)


def _every(slot: Slot) -> str:
    """What is about a session or user counts for all of their decisions, up to the limit of each."""
    of = f"FROM s WHERE k = {slot.source}"
    rows = f"SELECT subject AS key, {_column(slot)} AS v, `at`, id, `user`, learns {of}"
    kept = ["key", "`at`", "id", "v", "learns"]
    if slot.take == "votes":
        rows, kept = voted(rows), [*kept, "more", "fresh"]
    nothing = ", ".join(["NULL", "NULL", "true", *("NULL" for _ in kept[5:])])
    asked = (
        f"SELECT `{slot.about}`, `at` + {double(slot.limit)}, {nothing}, sequence"
        f" FROM d WHERE `{slot.about}` IS NOT NULL"
    )
    line = f"SELECT {', '.join(kept)}, NULL AS sequence FROM ({rows}) UNION ALL {asked}"
    return (
        "SELECT sequence, v, agreed FROM"
        f" (SELECT sequence, {STATES[slot.take]} AS v, bool_and(learns) OVER so_far AS agreed FROM ({line})"
        # A row at the limit itself comes too late: whoever asks stands before it.
        f" WINDOW so_far AS (PARTITION BY key ORDER BY `at`, sequence IS NULL, id {_SO_FAR}))"
        " WHERE sequence IS NOT NULL"
    )


_SO_FAR = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"


def _credited(slot: Slot) -> str:
    """What is about a session counts for some of its served decisions, by their places in it."""
    value = "s.v / s.by_then" if slot.credit == "split" else "s.v"
    places = _places(slot)
    rows = (
        f"SELECT m.sequence, {value} AS v, s.`at`, s.id, s.`user`, s.learns"
        f" FROM (SELECT * FROM ({places}) WHERE decision IS NULL AND by_then > 0) AS s"
        f" JOIN (SELECT key, decision, by_then AS place FROM ({places}) WHERE decision IS NOT NULL) AS p"
        f" ON p.key = s.key AND {_CREDIT[slot.credit]} JOIN d AS m ON m.about = p.decision"
        f" WHERE s.`at` < m.`at` + {double(slot.limit)}"
    )
    return whole(slot.take, rows, "sequence")


_CREDIT = {"first": "p.place = 1", "last": "p.place = s.by_then", "split": "p.place <= s.by_then"}


def _places(slot: Slot) -> str:
    """A session's decisions and signals on one line: how many decisions there were by then, or else at all.

    Of a decision that is its place.
    """
    nothing = ", ".join(f"NULL AS {name}" for name in ("v", "id", "`user`", "learns"))
    line = (
        f"SELECT session AS key, `at`, id AS decision, {nothing} FROM d WHERE served AND session IS NOT NULL"
        f" UNION ALL SELECT subject, `at`, NULL, {_column(slot)}, id, `user`, learns FROM s"
        f" WHERE k = {slot.source}"
    )
    return (
        "SELECT *, CASE WHEN made > 0 THEN made ELSE total END AS by_then FROM (SELECT *,"
        " count(decision) OVER (PARTITION BY key ORDER BY `at`, decision IS NULL, decision"
        f" {_SO_FAR}) AS made,"
        f" count(decision) OVER (PARTITION BY key) AS total FROM ({line}))"
    )
