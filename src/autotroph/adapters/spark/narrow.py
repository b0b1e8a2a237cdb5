"""The three narrow relations that every query is over, as Spark SQL over the tables of the segments.

| relation | a row |
|---|---|
| d | a decision of the task: whom it is about, the columns it is grouped by, what was asked |
| c | what came of it: whether it failed, and only the columns that a measure reads |
| s | a signal that counts: which source it is of, whose, when, its value |

They mean what `digest.engines.narrow` means. Texts are written in hexadecimal where they are not plain, and
inputs get numbers for names, because Spark does not tell `inputs.a` from `inputs.A`.
"""

from autotroph.digest.engines.plan import INPUTS, Plan, Source
from autotroph.records import IMPROVE
from autotroph.spec.emission import emit
from autotroph.spec.tree import Text

ANSWERS = (
    *("cost_usd", "latency_ms", "first_token_ms"),
    *("tokens_in", "tokens_cached", "tokens_out", "tokens_reasoning"),
)
_OUTPUT = "coalesce(w.output, '')"
TEXTS = {
    "output": _OUTPUT,
    "chars": f"CAST(length({_OUTPUT}) AS DOUBLE)",
    "shown": f"CAST({_OUTPUT} <> '' AS DOUBLE)",
}


def relations(plan: Plan, by: tuple[str, ...]) -> dict[str, str]:
    """A query by the name of a relation.

    Args:
        plan: of one task.
        by: columns of a decision to group by.
    """
    return {"d": _decisions(plan, by), "c": _completions(plan), "s": _newest(plan)}


def tables(plan: Plan) -> tuple[str, ...]:
    """The tables of the segments that are read."""
    wide = {
        "decision_texts": bool(plan.inputs),
        "completion_texts": bool(_texts(plan)),
        "signal_texts": _wide(plan),
    }
    return ("decisions", "completions", "signals", *(name for name, read in wide.items() if read))


def columns(plan: Plan) -> dict[str, str]:
    """How what is read of an answer and of what was asked is called."""
    inputs = {name: f"i{number}" for number, name in enumerate(plan.inputs)}
    return {name: inputs.get(name, name) for name in plan.columns}


def quoted(text: str) -> str:
    """A text as Spark SQL writes it."""
    return emit(Text(text), "spark", lambda column: column.name)


def double(value: float) -> str:
    """A literal double."""
    return f"({float(value)!r}D)"


_LEARNS = f"(t.learn AND array_contains(t.purposes, {quoted(IMPROVE)}))"
_P = "get(filter(t.options, o -> o.id = t.`option`), 0).probability AS p"


def _decisions(plan: Plan, by: tuple[str, ...]) -> str:
    made = [
        *("t.sequence", "t.id", "t.`at`", "t.served", f"{_LEARNS} AS learns", "t.fold <> 'gate' AS seen"),
        *("CASE WHEN t.shadows = '' THEN t.id ELSE t.shadows END AS about", "t.cluster"),
        *(f"nullif(t.`{name}`, '') AS `{name}`" for name in ("session", "user")),
        *(f"t.`{name}` AS by_{name}" for name in by),
    ]
    if "p" in plan.columns:
        made.append(_P)
    named = columns(plan)
    made += [f"{_input(name, column.type)} AS {named[name]}" for name, column in plan.inputs.items()]
    return _select(
        made, "decisions", f"t.task = {quoted(plan.task)}", "decision_texts" if plan.inputs else ""
    )


def _input(name: str, type_: str) -> str:
    """A scalar of what was asked; NULL where it is not there, or of another type."""
    path = quoted(f"$['{name.removeprefix(INPUTS)}']")

    def got(as_: str) -> str:
        return f"try_variant_get(try_parse_json(w.inputs), {path}, '{as_}')"

    found = f"schema_of_variant({got('variant')})"
    if type_ == "text":
        return f"CASE WHEN {found} = 'STRING' THEN {got('string')} END"
    number = f"{found} IN ('BIGINT', 'DOUBLE', 'FLOAT') OR startswith({found}, 'DECIMAL')"
    truth = f"CAST({got('boolean')} AS DOUBLE)"
    return f"CASE WHEN {number} THEN {got('double')} WHEN {found} = 'BOOLEAN' THEN {truth} END"


def _completions(plan: Plan) -> str:
    made = [
        *("t.decision", "t.error <> '' AS failed"),
        *(f"CAST(t.{name} AS DOUBLE) AS {name}" for name in ANSWERS if name in plan.columns),
    ]
    texts = _texts(plan)
    made += [f"{TEXTS[name]} AS {name}" for name in texts]
    return _select(made, "completions", "true", "completion_texts" if texts else "")


def _texts(plan: Plan) -> list[str]:
    return [name for name in TEXTS if name in plan.columns]


def _wide(plan: Plan) -> bool:
    return any(source.text for source in plan.sources)


def _newest(plan: Plan) -> str:
    """Of the signals that nobody sends the newest row of a subject counts, if it is of the type."""
    said = _signals(plan)
    if not plan.implicit:
        return said
    codes = ", ".join(map(str, plan.implicit))
    last = f"SELECT *, max(place) OVER (PARTITION BY k, subject) AS newest FROM ({said})"
    return f"SELECT * FROM ({last}) WHERE k NOT IN ({codes}) OR (place = newest AND fits)"


def _signals(plan: Plan) -> str:
    coded = " ".join(f"WHEN {_of(source)} THEN {k}" for k, source in enumerate(plan.sources))
    code = f"CASE {coded} END" if coded else "0"
    made = [
        *("t.sequence AS place", f"{code} AS k", "t.subject", "t.id", "t.`user`", "t.`at`"),
        *(f"{_LEARNS} AS learns", "t.value_number AS number"),
    ]
    if plan.implicit:
        fitting = " OR ".join(f"({_of(source)} AND {_fits(source)})" for source in plan.sources)
        made.append(f"({fitting}) AS fits")
    if _wide(plan):
        made.append("coalesce(w.value_text, '') AS text")
    wanted = " OR ".join(f"({_of(source)})" for source in plan.sources) or "false"
    where = f"t.subject <> '' AND ({wanted})"
    return _select(made, "signals", where, "signal_texts" if _wide(plan) else "")


def _of(source: Source) -> str:
    """Which rows are of a source."""
    named = f"t.name = {quoted(source.name)} AND t.about = {quoted(source.about)}"
    return named if source.implicit else f"{named} AND {_fits(source)}"


def _fits(source: Source) -> str:
    return f"t.value_type {'=' if source.text else '<>'} 'text'"


def _select(made: list[str], table: str, where: str, wide: str) -> str:
    joined = f" LEFT JOIN {wide} AS w ON w.sequence = t.sequence" if wide else ""
    return f"SELECT {', '.join(made)} FROM {table} AS t{joined} WHERE {where}"
