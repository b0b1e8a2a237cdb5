"""Numbers with the line that gives them: a figure gets on a page only through a query that it prints."""

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from autotroph.faces.money import usd
from autotroph.faces.report.html import NOTHING, Html, join, table, tag
from autotroph.store import Reader, SqlValue

Form = Literal["percent", "gain", "count", "usd", "reward", "level", "day", "span", "text", "name"]

UNKNOWN = 1e9
"""The ledger keeps finite numbers: an end of an interval that is so far away says nothing."""

_SPACE = "\u202f"
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def quoted(name: str) -> str:
    """A text as SQL writes it.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + name.replace("'", "''") + "'"


def formed(value: SqlValue, form: Form) -> str:
    r"""A value as it is shown.

    >>> [formed(0.1234, "percent"), formed(-0.5, "gain"), formed(None, "count"), formed(90061, "span")]
    ['12.3\u202f%', '−50.0\u202f%', '–', '1 d 1 h']
    """
    if value is None or value == "":
        return NOTHING
    if isinstance(value, str | bytes) or form in ("text", "name"):
        return str(value)
    if abs(value) >= UNKNOWN and form in ("percent", "gain", "reward"):
        return "unknown"
    return _NUMBERS[form](float(value)).replace("-", "−")


def span(seconds: float) -> str:
    """A stretch of time in its two largest units.

    >>> span(90061.0), span(0.2)
    ('1 d 1 h', '0 s')
    """
    whole, parts = int(seconds), list[str]()
    for unit, size in _UNITS:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _moment(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y\u2011%m\u2011%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return f"{at:.0f} s"


_NUMBERS: dict[str, Callable[[float], str]] = {
    "percent": lambda x: f"{x * 100:.1f}{_SPACE}%",
    "gain": lambda x: f"{x * 100:+.1f}{_SPACE}%",
    "count": lambda x: f"{x:,.0f}",
    "usd": usd,
    "reward": lambda x: f"{x:+.4f}",
    "level": lambda x: f"{x:.4f}",
    "day": _moment,
    "span": span,
}


class Asked:
    """One query and what it found.

    Attributes:
        id: how the page refers to it.
        what: what it gives, in words.
        sql: as it is printed.
        rows: each by the names of its columns.
    """

    def __init__(self, id_: str, what: str, sql: str, rows: list[dict[str, SqlValue]]) -> None:
        self.id, self.what, self.sql, self.rows = id_, what, sql, rows

    def number(self, column: str, row: int = 0) -> float:
        """A cell as a number; 0 where there is none."""
        value = self.rows[row][column] if row < len(self.rows) else None
        return float(cast("float", value or 0.0))

    def show(self, column: str, form: Form = "count", row: int = 0) -> Html:
        """A cell, on the page, with the id of the query that gives it."""
        value = self.rows[row][column] if row < len(self.rows) else None
        class_ = "text" if form in ("text", "name") else "number"
        return tag(
            "span",
            formed(value, form),
            class_=class_,
            data_query=self.id,
            data_column=column,
            data_row=row,
            data_form=form,
        )

    def interval(self, low: str, high: str, form: Form, row: int = 0) -> Html:
        """Two cells as an interval."""
        ends = join("[", self.show(low, form, row), ", ", self.show(high, form, row), "]")
        return tag("span", ends, class_="interval")


class Figures:
    """Asks the ledger on behalf of one page, and remembers every line."""

    def __init__(self, reader: Reader, source: str) -> None:
        self.reader, self._source = reader, source
        self._asked: dict[str, Asked] = {}

    def ask(self, what: str, template: str, **names: str) -> Asked:
        """Run a query, or take what it found before.

        Args:
            what: it gives, in words.
            template: SQL with `{place}` for names.
            names: ready to stand in SQL (see `quoted`).
        """
        sql = _flat(template).format(
            **{name: one if one[:1] == "'" else _flat(one) for name, one in names.items()}
        )
        if sql not in self._asked:
            rows = self.reader.query(sql).dicts()
            self._asked[sql] = Asked(f"q{len(self._asked) + 1}", what, sql, rows)
        return self._asked[sql]

    def lines(self) -> Html:
        """Every query of this page, as a line that can be run."""
        rows: list[list[object]] = [
            [join(one.what), tag("code", self.line(one.sql), class_="line", id=one.id)]
            for one in self._asked.values()
        ]
        return table(("what it gives", "line"), rows, "lines")

    def line(self, sql: str) -> str:
        """The command that runs a query."""
        return f"autotroph sql --config {shlex.quote(_whole(self._source))} {in_shell(sql)}"


def _flat(sql: str) -> str:
    return " ".join(sql.split())


def in_shell(text: str) -> str:
    r"""A text as one word of a shell, readable where that is possible.

    >>> print(in_shell("SELECT '$5'"))
    "SELECT '\$5'"
    """
    if "!" in text:  # an interactive shell would look it up in its history
        return shlex.quote(text)
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'


def _whole(source: str) -> str:
    path = Path(source)
    return str(path.resolve()) if path.exists() else source
