"""The three narrow relations that every query is over, out of segments or out of the ledger.

| relation | a row |
|---|---|
| d | a decision of the task: its place, the keys it is found by, the columns it is grouped by |
| c | what came of it: only the columns that a measure reads |
| s | a signal that a measure reads: which one, whose, when, its value |

A key is a 64-bit hash of an id, because joining on texts takes twice as long. The hashes of the decisions
are checked to be distinct, see `run`; that one of n orphaned signals takes one of m decisions for its own
has a chance below n·m / 2^64, 2e-6 with six million of each.

A number is NaN where the value has another type than the measure wants, which is not the same as no value.
A text begins with `t`, and is `x` where the value has another type.
"""

import msgspec

from autotroph.digest.engines.measures import Measures
from autotroph.records import IMPROVE

GROUPED = ("release", "arm", "option", "variant", "policy", "fold", "provenance")
"""Columns of a decision that its measurements can be grouped by."""

ANSWERS = ("cost_usd", "latency_ms", "tokens_in", "tokens_out")
TEXTS = ("output", "chars", "shown")


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


def raws(measures: Measures, by: tuple[str, ...]) -> dict[str, Raw]:
    """The three relations that these measures need.

    Args:
        measures: of one task.
        by: columns of a decision to group by.
    """
    return {"d": _decisions(measures, by), "c": _completions(measures), "s": _signals(measures)}


def sources(measures: Measures) -> tuple[str, ...]:
    """The names of the signals that are read; their places are what `s.k` holds."""
    return tuple(sorted({slot.source for slot in measures.slots}))


def subjects(measures: Measures) -> bool:
    """Whether decisions have to be found by user and session, too."""
    return bool(measures.slots)


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


def _decisions(measures: Measures, by: tuple[str, ...]) -> Raw:
    texts = dict.fromkeys(("id", "shadows", "cluster", "fold", *by))
    made = [
        "sequence",
        "id",
        '"at"',
        "served::BOOLEAN AS served",
        "learns::BOOLEAN AS learns",
        "fold <> 'gate' AS seen",
        "hash(id) AS key",
        "hash(CASE WHEN shadows = '' THEN id ELSE shadows END) AS about",
        "hash(cluster) AS cluster",
        *(f'"{name}" AS by_{name}' for name in by),
    ]
    columns = [_plain("sequence", "INTEGER"), _plain("at", "REAL"), _plain("served", "INTEGER"), _LEARNS]
    columns += [_plain(name, "TEXT") for name in texts]
    if subjects(measures):
        columns += [_plain("user", "TEXT"), _plain("session", "TEXT")]
        made += [f'CASE WHEN "{each}" <> \'\' THEN hash("{each}") END AS "{each}"' for each in _SUBJECTS]
    if measures.reads("p"):
        columns.append(_P)
        made.append("p")
    return Raw(
        table="decisions",
        columns=tuple(columns),
        where=f"t.task = {quoted(measures.task)}",
        wide="",
        made=", ".join(made),
    )


_SUBJECTS = ("user", "session")


def _completions(measures: Measures) -> Raw:
    columns = [_plain("decision", "TEXT")]
    made = ["hash(decision) AS key"]
    for name in ANSWERS:
        if measures.reads(name):
            columns.append(_plain(name, "INTEGER" if name.startswith("tokens") else "REAL"))
            made.append(f'"{name}"::DOUBLE AS "{name}"')
    wide = measures.reads(*TEXTS)
    if wide:
        columns.append(("output", "coalesce(w.output, '')", "coalesce(w.output, '')", "TEXT"))
        made += ["length(output)::DOUBLE AS chars", "(output <> '')::INT::DOUBLE AS shown"]
        made += ["output"] if measures.reads("output") else []
    return Raw(
        table="completions",
        columns=tuple(columns),
        where="true",
        wide="completion_texts" if wide else "",
        made=", ".join(made),
    )


_VALUE = "CASE WHEN value_type = 'text' OR NOT isfinite(value_number) THEN 'NaN' ELSE value_number END::DOUBLE"
_TEXT = "CASE WHEN value_type = 'text' THEN 't' || value_text ELSE 'x' END"


def _signals(measures: Measures) -> Raw:
    names = sources(measures)
    coded = f"CASE t.name {' '.join(f'WHEN {quoted(n)} THEN {k}' for k, n in enumerate(names))} END"
    texts = any(slot.type == "text" for slot in measures.slots)
    columns = [
        ("k", coded, coded, "INTEGER"),
        *(_plain(name, "TEXT") for name in ("subject", "about", "id", "user", "value_type")),
        *(_plain(name, "REAL") for name in ("at", "value_number")),
        _LEARNS,
    ]
    made = [
        "k::UTINYINT AS k",
        "hash(subject) AS subject",
        "about",
        "id",
        '"user"',
        '"at"',
        "learns::BOOLEAN AS learns",
        f"{_VALUE} AS number",
    ]
    if texts:
        columns.append(("value_text", "coalesce(w.value_text, '')", "coalesce(w.value_text, '')", "TEXT"))
        made.append(f"{_TEXT} AS text")
    return Raw(
        table="signals",
        columns=tuple(columns),
        where=f"t.subject <> '' AND t.name IN ({', '.join(map(quoted, names))})" if names else "false",
        wide="signal_texts" if texts else "",
        made=", ".join(made),
    )
