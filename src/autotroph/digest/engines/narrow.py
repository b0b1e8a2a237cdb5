"""The three narrow relations that every query is over, out of segments or out of the ledger.

| relation | a row |
|---|---|
| d | a decision of the task: its place, the keys it is found by, the columns it is grouped by |
| c | what came of it: only the columns that a measure reads |
| s | a signal that a measure reads: which one, whose, when, its value |

A key is a 64-bit hash of an id, because joining on texts takes twice as long. The hashes of the decisions
are checked to be distinct, see `run`; that one of n orphaned signals takes one of m decisions for its own
has a chance below n·m / 2^64, 2e-6 with six million of each.

Signals of another type than declared are left out, as the loop leaves them out.
"""

import msgspec

from autotroph.digest.engines.plan import INPUTS, Plan, Source
from autotroph.records import IMPROVE

GROUPED = ("release", "arm", "option", "variant", "policy", "fold", "provenance")
"""Columns of a decision that its measurements can be grouped by."""

ANSWERS = ("cost_usd", "latency_ms", "tokens_in", "tokens_out")
TEXTS = {"output": "output", "chars": "length(output)::DOUBLE", "shown": "(output <> '')::INT::DOUBLE"}


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a table, and the relation that DuckDB makes of it.

    Attributes:
        columns: name, as Parquet has it, as SQLite has it, and how SQLite keeps it.
        wide: the table of its texts, joined by sequence, where texts are read.
        made: the columns of the relation, in DuckDB.
    """

    table: str
    columns: tuple[tuple[str, str, str, str], ...]
    where: str
    wide: str
    made: str


def raws(plan: Plan, by: tuple[str, ...]) -> dict[str, Raw]:
    """The three relations that a plan needs.

    Args:
        plan: of one task.
        by: columns of a decision to group by.
    """
    return {"d": _decisions(plan, by), "c": _completions(plan), "s": _signals(plan)}


def subjects(plan: Plan) -> tuple[str, ...]:
    """By what else decisions have to be found than by themselves."""
    return tuple(sorted({slot.about for slot in plan.slots} - {"decision"}))


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def from_parquet(raw: Raw, files: list[str], wide: list[str]) -> str:
    """The relation as DuckDB reads it from segments."""
    columns = ", ".join(f'{parquet} AS "{name}"' for name, parquet, _, _ in raw.columns)
    joined = f" LEFT JOIN {_parquet(wide)} AS w USING (sequence)" if raw.wide else ""
    return f"SELECT {raw.made} FROM (SELECT {columns} FROM {_parquet(files)} AS t{joined} WHERE {raw.where})"


def from_sqlite(raw: Raw) -> str:
    """What SQLite reads of the ledger, up to a place in it: two `?` are the bounds of the sequence."""
    columns = ", ".join(f'{sqlite} AS "{name}"' for name, _, sqlite, _ in raw.columns)
    joined = f" LEFT JOIN {raw.wide} AS w ON w.sequence = t.sequence" if raw.wide else ""
    return f"SELECT {columns} FROM {raw.table} AS t{joined} WHERE {raw.where}"


def _parquet(files: list[str]) -> str:
    return f"read_parquet([{', '.join(map(quoted, files))}])"


def _plain(name: str, kept: str) -> tuple[str, str, str, str]:
    return name, f't."{name}"', f't."{name}"', kept


_LEARNS = (
    "learns",
    f"t.learn AND list_contains(t.purposes, {quoted(IMPROVE)})",
    f"t.learn AND (t.purposes = '[\"{IMPROVE}\"]' OR EXISTS"
    f" (SELECT 1 FROM json_each(t.purposes) AS p WHERE p.value = {quoted(IMPROVE)}))",
    "INTEGER",
)
_P = (
    "p",
    "list_filter(t.options, lambda o: o.id = t.option)[1].probability",
    "(SELECT o.value ->> 'probability' FROM json_each(t.options) AS o"
    " WHERE o.value ->> 'id' = t.option LIMIT 1)",
    "REAL",
)


def _decisions(plan: Plan, by: tuple[str, ...]) -> Raw:
    texts = dict.fromkeys(("id", "shadows", "cluster", "fold", *by, *subjects(plan)))
    columns = [_plain("sequence", "INTEGER"), _plain("at", "REAL"), _plain("served", "INTEGER"), _LEARNS]
    columns += [_plain(name, "TEXT") for name in texts]
    made = [
        *("sequence", "id", '"at"', "served::BOOLEAN AS served", "learns::BOOLEAN AS learns"),
        "fold <> 'gate' AS seen",
        "hash(id) AS key",
        "hash(CASE WHEN shadows = '' THEN id ELSE shadows END) AS about",
        "hash(cluster) AS cluster",
        *(f'"{name}" AS by_{name}' for name in by),
        *(f'CASE WHEN "{each}" <> \'\' THEN hash("{each}") END AS "{each}"' for each in subjects(plan)),
        *(_input(name, column.type) for name, column in plan.inputs.items()),
    ]
    if "p" in plan.columns:
        columns.append(_P)
        made.append("p::DOUBLE AS p")
    if plan.inputs:
        columns.append(("inputs", "coalesce(w.inputs, '{}')", "coalesce(w.inputs, '{}')", "TEXT"))
    return Raw(
        table="decisions",
        columns=tuple(columns),
        where=f"t.task = {quoted(plan.task)}",
        wide="decision_texts" if plan.inputs else "",
        made=", ".join(made),
    )


def _input(name: str, type_: str) -> str:
    """A scalar of what was asked; NULL where it is not there, or of another type."""
    place = quoted('$."' + name.removeprefix(INPUTS) + '"')
    found = f"json_type(inputs, {place})"
    if type_ == "text":
        return f"CASE WHEN {found} = 'VARCHAR' THEN json_extract_string(inputs, {place}) END AS \"{name}\""
    number = f"json_extract(inputs, {place})::DOUBLE"
    return (
        f"CASE WHEN {found} IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE') THEN {number}"
        f" WHEN {found} = 'BOOLEAN' THEN json_extract(inputs, {place})::BOOLEAN::INT::DOUBLE END AS \"{name}\""
    )


def _completions(plan: Plan) -> Raw:
    columns = [_plain("decision", "TEXT")]
    made = ["hash(decision) AS key"]
    for name in ANSWERS:
        if name in plan.columns:
            columns.append(_plain(name, "INTEGER" if name.startswith("tokens") else "REAL"))
            made.append(f'"{name}"::DOUBLE AS "{name}"')
    texts = {name: made for name, made in TEXTS.items() if name in plan.columns}
    if texts:
        columns.append(("output", "coalesce(w.output, '')", "coalesce(w.output, '')", "TEXT"))
        made += [f"{each} AS {name}" for name, each in texts.items()]
    return Raw(
        table="completions",
        columns=tuple(columns),
        where="true",
        wide="completion_texts" if texts else "",
        made=", ".join(made),
    )


def _signals(plan: Plan) -> Raw:
    texts = any(source.text for source in plan.sources)
    coded = " ".join(f"WHEN {_of(source)} THEN {k}" for k, source in enumerate(plan.sources))
    code = f"CASE {coded} END" if coded else "NULL"
    columns = [
        ("k", code, code, "INTEGER"),
        *(_plain(name, "TEXT") for name in ("subject", "id", "user")),
        *(_plain(name, "REAL") for name in ("at", "value_number")),
        _LEARNS,
    ]
    made = ["k::USMALLINT AS k", "hash(subject) AS subject", "id", '"user"', '"at"']
    made += ["learns::BOOLEAN AS learns", "value_number AS number"]
    if texts:
        columns.append(("value_text", "coalesce(w.value_text, '')", "coalesce(w.value_text, '')", "TEXT"))
        made.append("value_text AS text")
    wanted = " OR ".join(f"({_of(source)})" for source in plan.sources) or "false"
    return Raw(
        table="signals",
        columns=tuple(columns),
        where=f"t.subject <> '' AND ({wanted})",
        wide="signal_texts" if texts else "",
        made=", ".join(made),
    )


def _of(source: Source) -> str:
    """Which rows are of a source."""
    fits = "=" if source.text else "<>"
    return (
        f"t.name = {quoted(source.name)} AND t.about = {quoted(source.about)} AND t.value_type {fits} 'text'"
    )
