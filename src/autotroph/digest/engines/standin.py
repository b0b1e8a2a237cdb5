"""To be deleted: the emitter until `spec.emission` is there."""

from collections.abc import Callable

from autotroph.spec.tree import Apply, Case, Column, Node, Null, Number, Text


def emit(node: Node, dialect: str, column: Callable[[Column], str]) -> str:
    """SQL of a tree."""
    match node:
        case Number(value=value):
            return f"{value!r}::DOUBLE"
        case Text(value=value):
            return "'" + value.replace("'", "''") + "'"
        case Null():
            return "NULL"
        case Column():
            return column(node)
        case Case(branches=branches, otherwise=otherwise):
            whens = " ".join(
                f"WHEN ({emit(a, dialect, column)}) <> 0 THEN {emit(b, dialect, column)}" for a, b in branches
            )
            return f"CASE {whens} ELSE {emit(otherwise, dialect, column)} END"
        case Apply(op=op, arguments=arguments):
            a = [f"({emit(one, dialect, column)})" for one in arguments]
            if op in {"=", "<>", "<", "<=", ">", ">="}:
                return f"({a[0]} {op} {a[1]})::INT::DOUBLE"
            if op in {"and", "or"}:
                return f"(({a[0]} <> 0) {op} ({a[1]} <> 0))::INT::DOUBLE"
            if op == "/":
                return f"{a[0]} / nullif({a[1]}, 0)"
            if op in {"least", "greatest"}:
                nulls = " OR ".join(f"{x} IS NULL" for x in a)
                return f"CASE WHEN NOT ({nulls}) THEN {op}({', '.join(a)}) END"
            if op == "neg":
                return f"-{a[0]}"
            if op == "not":
                return f"({a[0]} = 0)::INT::DOUBLE"
            if op == "is null":
                return f"({a[0]} IS NULL)::INT::DOUBLE"
            if op == "kept":
                return f"CASE WHEN starts_with({a[0]}, {a[1]}) THEN length({a[1]})::DOUBLE WHEN {a[0]} IS NOT NULL AND {a[1]} IS NOT NULL THEN 0.0::DOUBLE END"
            if op == "length":
                return f"length({a[0]})::DOUBLE"
            if op in {"+", "-", "*"}:
                return f"{a[0]} {op} {a[1]}"
            return f"{op}({', '.join(a)})"
