"""A ledger as if somebody had changed its journal; the ledger itself stays as it is."""

from collections.abc import Callable, Sequence

from autotroph.store.protocols import Parameters, Reader, SqlValue, Table

Rows = Sequence[tuple[SqlValue, ...]]


class Tampered:
    """A Reader that shows a changed journal."""

    def __init__(self, reader: Reader, change: Callable[[Rows], Rows]) -> None:
        self._reader, self._change = reader, change
        self.get, self.scan, self.last = reader.get, reader.scan, reader.last
        self.meta, self.close, self.size = reader.meta, reader.close, reader.size
        self.stream = reader.stream

    def query(self, sql: str, parameters: Parameters = (), *, limit_seconds: float | None = None) -> Table:
        """What the reader answers, with the journal changed."""
        found = self._reader.query(sql, parameters, limit_seconds=limit_seconds)
        if "* FROM journal" not in sql:
            return found
        return Table(found.columns, tuple(self._change(found.rows)))


def without(sequence: int, rows: Rows) -> Rows:
    """All but one row."""
    return [row for row in rows if row[0] != sequence]


def until(sequence: int, rows: Rows) -> Rows:
    """The rows before one."""
    return [row for row in rows if isinstance(row[0], int) and row[0] < sequence]


def swapped(rows: Rows) -> Rows:
    """The second and the fourth row, each with the number of the other."""
    first, second, third, fourth, *rest = rows
    return [first, (second[0], *fourth[1:]), third, (fourth[0], *second[1:]), *rest]
