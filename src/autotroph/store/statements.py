"""The SQL of a layout. Names come from the records; every value is a bound parameter."""

from collections.abc import Mapping
from functools import cache

from autotroph.store.codec import Layout
from autotroph.store.protocols import SqlValue


@cache
def insertion(form: Layout) -> str:
    """Puts the facts of a row into its table: sequence, narrow columns, digest, links."""
    linking = (
        ("body_digest", "previous", "hash") if form.chained else ("body_digest",) if form.digested else ()
    )
    return _insert(form.table, ("sequence", *form.columns, *linking))


@cache
def insertion_wide(form: Layout) -> str:
    """Puts the wide columns of a row into the table apart."""
    return _insert(form.wide_table, ("sequence", *form.wide_columns))


@cache
def selection(form: Layout, *, texts: bool) -> str:
    """Rows as `codec.decode` takes them, up to where a WHERE may follow."""
    narrow = ", ".join(f"{form.table}.{_quoted(name)}" for name in ("sequence", *form.columns))
    if not (texts and form.wide_columns):
        return f"SELECT {narrow} FROM {form.table}"
    wide = ", ".join(f"{form.wide_table}.{_quoted(name)}" for name in form.wide_columns)
    joined = f"LEFT JOIN {form.wide_table} ON {form.wide_table}.sequence = {form.table}.sequence"
    return f"SELECT {narrow}, {wide} FROM {form.table} {joined}"


def matching(form: Layout, equal: Mapping[str, SqlValue]) -> str:
    """Compares columns with parameters (`IS`, so that NULL equals None), and says of texts if they are empty.

    That follows from the comparison, but SQLite has to be told, or it reads the whole table instead of an
    index over the rows in which the text is there.
    """
    return "".join(
        f" AND {form.table}.{_quoted(name)} IS ?{_emptiness(form, name, value)}"
        for name, value in equal.items()
    )


def _emptiness(form: Layout, name: str, value: SqlValue) -> str:
    if not isinstance(value, str):
        return ""
    return f" AND {form.table}.{_quoted(name)} {'<>' if value else '='} ''"


def _insert(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(map(_quoted, columns))
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"


def _quoted(name: str) -> str:
    return f'"{name}"'
