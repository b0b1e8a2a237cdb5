"""The three narrow relations that every query is over, out of segments or out of the ledger.

| relation | a row |
|---|---|
| d | a decision of the task: its place, the keys it is found by, the columns it is grouped by |
| c | what came of it: whether it failed, and only the columns that a measure reads |
| said | a signal that a measure reads: which one, whose, when, its value; `newest` makes s of it |

A key is a 64-bit hash of an id, because joining on texts takes twice as long: in segments it lies ready, a
mark; out of the ledger it is DuckDB's own hash, which is made faster. The keys of the decisions are checked
to be distinct, see `run`; that one of n orphaned signals takes one of m decisions for its own has a chance
below n·m / 2^64, 2e-6 with six million of each.

Signals of another type than declared are left out, as the loop leaves them out. Of those that nobody sends
the newest row of a subject counts, and none if that is of another type.
"""

from autotroph.digest.engines.plan import INPUTS, Plan, Source
from autotroph.digest.engines.relations import Kept, Raw, from_parquet, quoted
from autotroph.records import IMPROVE

__all__ = ["Raw", "from_parquet", "newest", "quoted", "raws", "subjects"]

ANSWERS = (
    *("cost_usd", "latency_ms", "first_token_ms"),
    *("tokens_in", "tokens_cached", "tokens_out", "tokens_reasoning"),
)
TEXTS = {"output": "output", "chars": "length(output)::DOUBLE", "shown": "(output <> '')::INT::DOUBLE"}


def raws(plan: Plan, by: tuple[str, ...], *, ids: bool = True) -> dict[str, Raw]:
    """The three relations that a plan needs.

    Args:
        plan: of one task.
        by: columns of a decision to group by.
        ids: whether decisions are named, which takes memory where the relations are tables.
    """
    ids = ids or any(slot.credit != "every" for slot in plan.slots)  # which of a moment is the first one
    return {"d": _decisions(plan, by, ids=ids), "c": _completions(plan), "said": _signals(plan)}


def subjects(plan: Plan) -> tuple[str, ...]:
    """By what else decisions have to be found than by themselves."""
    return tuple(sorted({slot.about for slot in plan.slots} - {"decision"}))


def newest(plan: Plan) -> str:
    """The signals that count, of those that are there."""
    if not plan.implicit:
        return "SELECT * FROM said"
    codes = ", ".join(map(str, plan.implicit))
    last = "SELECT *, max(place) OVER (PARTITION BY k, subject) AS newest FROM said"
    return (
        f"SELECT * EXCLUDE (newest, fits) FROM ({last}) WHERE k NOT IN ({codes}) OR (place = newest AND fits)"
    )


_LEARNS_SQLITE = (
    f"(t.learn AND CASE WHEN t.purposes = '[\"{IMPROVE}\"]' THEN 1 ELSE EXISTS"
    f" (SELECT 1 FROM json_each(t.purposes) AS p WHERE p.value = {quoted(IMPROVE)}) END)"
)
"""SQLite looks at both sides of an OR, and JSON takes long."""

_P = "list_filter(t.options, lambda o: o.id = t.option)[1].probability AS p"
_P_SQLITE = (
    "(SELECT o.value ->> 'probability' FROM json_each(t.options) AS o"
    " WHERE o.value ->> 'id' = t.option LIMIT 1)"
)


def _of_row(name: str) -> str:
    return f't."{name}"'


def _decisions(plan: Plan, by: tuple[str, ...], *, ids: bool) -> Raw:
    """`by_…` columns of a segment come from a dictionary; from the ledger they come as one JSON text."""
    from autotroph.store.segments.columns import MARK  # not for whom it was written already: start-up is felt

    parquet = [
        *("sequence", "t.id", 't."at"', "t.served", "t.learns", "t.fold <> 'gate' AS seen"),
        *("t.id_mark AS key", "t.id_mark AS mark", "coalesce(t.shadows_mark, t.id_mark) AS about"),
        "t.cluster_mark AS cluster",
        *(f"{_of_row(name)} AS by_{name}" for name in by),
    ]
    kept, made = _kept(by), _made(MARK, ids=ids)
    for name in subjects(plan):
        found = 'CASE WHEN {0}"{2}" <> \'\' THEN {1} END AS "{2}"'
        parquet.append(found.format("t.", MARK.format(_of_row(name)), name))
        kept.append(Kept(name, _of_row(name), "TEXT"))
        made.append(found.format("", f'hash("{name}")', name))
    if "p" in plan.columns:
        parquet.append(_P)
        kept.append(Kept("p", _P_SQLITE, "REAL"))
        made.append("p")
    for name, column in plan.inputs.items():
        parquet.append(_input("w.inputs", name, column.type))
        made.append(_input("inputs", name, column.type))
    if plan.inputs:
        kept.append(Kept("inputs", "w.inputs", "TEXT"))
    return Raw(
        table="decisions",
        wide="decision_texts" if plan.inputs else "",
        where=f"t.task = {quoted(plan.task)}",
        parquet=", ".join(parquet),
        kept=tuple(kept),
        made=", ".join(made),
        real="sequence >= 0",
    )


def _kept(by: tuple[str, ...]) -> list[Kept]:
    """What every task needs of a row of the ledger."""
    return [
        Kept("sequence", "t.sequence", "INTEGER"),
        Kept("flags", f"t.served + 2 * {_LEARNS_SQLITE} + 4 * (t.fold <> 'gate')", "INTEGER"),
        Kept("at", 't."at"', "REAL"),
        Kept("id", "t.id", "TEXT"),
        Kept("shadows", "t.shadows", "TEXT"),
        Kept("cluster", "t.cluster", "TEXT"),
        Kept("grouped", f"json_array({', '.join(map(_of_row, by))})", "TEXT"),
    ]


def _made(mark: str, *, ids: bool) -> list[str]:
    """What is made of that."""
    return [
        *("sequence", *(["id"] if ids else []), '"at"'),
        *(f"flags & {bit} <> 0 AS {name}" for bit, name in ((1, "served"), (2, "learns"), (4, "seen"))),
        *("hash(id) AS key", "hash(if(shadows = '', id, shadows)) AS about"),
        f"{mark.format('id')} AS mark",
        *("hash(cluster) AS cluster", "grouped"),
    ]


def _input(inputs: str, name: str, type_: str) -> str:
    """A scalar of what was asked; NULL where it is not there, or of another type."""
    place = quoted('$."' + name.removeprefix(INPUTS) + '"')
    found = f"json_type({inputs}, {place})"
    if type_ == "text":
        return f"CASE WHEN {found} = 'VARCHAR' THEN json_extract_string({inputs}, {place}) END AS \"{name}\""
    number = f"json_extract({inputs}, {place})::DOUBLE"
    truth = f"json_extract({inputs}, {place})::BOOLEAN::INT::DOUBLE"
    return (
        f"CASE WHEN {found} IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE') THEN {number}"
        f" WHEN {found} = 'BOOLEAN' THEN {truth} END AS \"{name}\""
    )


def _completions(plan: Plan) -> Raw:
    numbers = [name for name in ANSWERS if name in plan.columns]
    texts = [f"{made} AS {name}" for name, made in TEXTS.items() if name in plan.columns]
    kept = [Kept("decision", "t.decision", "TEXT"), Kept("failed", "t.error <> ''", "INTEGER")]
    kept += [Kept(name, f"t.{name}", "INTEGER" if name.startswith("tokens") else "REAL") for name in numbers]
    if texts:
        kept.append(Kept("output", "coalesce(w.output, '')", "TEXT"))
    cast = [f"{name}::DOUBLE AS {name}" for name in numbers]
    made = ["hash(decision) AS key", "failed <> 0 AS failed", *cast]
    read = ["t.decision_mark AS key", "t.error <> '' AS failed", *cast]
    return Raw(
        table="completions",
        wide="completion_texts" if texts else "",
        where="true",
        parquet=", ".join([*read, *(each.replace("output", "coalesce(w.output, '')", 1) for each in texts)]),
        kept=tuple(kept),
        made=", ".join([*made, *texts]),
        real="decision <> ''",
    )


def _signals(plan: Plan) -> Raw:
    wide = any(source.text for source in plan.sources)
    coded = " ".join(f"WHEN {_of(source)} THEN {k}" for k, source in enumerate(plan.sources))
    code = f"CASE {coded} END" if coded else "0"
    user = ['"user"'] if plan.voted else []
    parquet = ["t.sequence AS place", f"({code})::USMALLINT AS k", "t.subject_mark AS subject", "t.id"]
    parquet += [*user, 't."at"', "t.learns", "t.value_number AS number"]
    kept = [
        Kept("place", "t.sequence", "INTEGER"),
        Kept("code", f"2 * ({code}) + {_LEARNS_SQLITE}", "INTEGER"),
        Kept("subject", "t.subject", "TEXT"),
        Kept("id", "t.id", "TEXT"),
        *([Kept("user", 't."user"', "TEXT")] if plan.voted else []),
        Kept("at", 't."at"', "REAL"),
        Kept("number", "t.value_number", "REAL"),
    ]
    made = ["place", "(code // 2)::USMALLINT AS k", "hash(subject) AS subject", "id", *user, '"at"']
    made += ["code % 2 = 1 AS learns", "number"]
    if plan.implicit:
        fitting = " OR ".join(f"({_of(source)} AND {_fits(source)})" for source in plan.sources)
        parquet.append(f"({fitting}) AS fits")
        kept.append(Kept("fits", f"({fitting})", "INTEGER"))
        made.append("fits <> 0 AS fits")
    if wide:
        parquet.append("coalesce(w.value_text, '') AS text")
        kept.append(Kept("text", "coalesce(w.value_text, '')", "TEXT"))
        made.append("text")
    wanted = " OR ".join(f"({_of(source)})" for source in plan.sources) or "false"
    return Raw(
        table="signals",
        wide="signal_texts" if wide else "",
        where=wanted,
        parquet=", ".join(parquet),
        kept=tuple(kept),
        made=", ".join(made),
        real="code >= 0",
    )


def _of(source: Source) -> str:
    """Which rows are of a source."""
    named = f"t.name = {quoted(source.name)} AND t.about = {quoted(source.about)}"
    return named if source.implicit else f"{named} AND {_fits(source)}"


def _fits(source: Source) -> str:
    return f"t.value_type {'=' if source.text else '<>'} 'text'"
