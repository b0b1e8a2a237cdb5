"""What the SQL of an implicit signal is written over: `moments`, what happened in some sessions, in order.

A SELECT is tried here on an empty `moments`, in an empty database of its own, so that what it names, reads
and yields is known before it ever meets a ledger.
"""

from contextlib import closing
from typing import Any

from autotroph.errors import suggest

MOMENTS: dict[str, str] = {
    "session": "TEXT",
    "user": "TEXT",
    "task": "TEXT",
    "decision": "TEXT",
    "kind": "TEXT",
    "name": "TEXT",
    "value": "REAL",
    "text": "TEXT",
    "inputs": "TEXT",
    "output": "TEXT",
    "source": "TEXT",
    "at": "REAL",
    "number": "INTEGER",
    "before_at": "REAL",
    "next_at": "REAL",
    "next_decision_at": "REAL",
}
"""The columns, with their types as SQLite keeps them; docs/reference/signals.md says what they mean."""

YIELDED = ("subject", "value", "at", "user")
NEEDED = YIELDED[:3]
LONGEST = 1_000_000
"""Steps of SQLite's machine after which a statement over nothing is given up: it would never end."""

CHANGING = frozenset({"random", "randomblob", "current_date", "current_time", "current_timestamp"})


def asked(sql: str) -> str:
    """The statement as it is asked, so that nothing can follow it: over a relation `moments`."""
    return f"SELECT * FROM (\n{sql.strip().rstrip('; ')}\n)"


def fault_of(sql: str) -> str:
    """Why a statement cannot be the SQL of a signal; empty if it can.

    >>> fault_of("SELECT decision AS subject, next_at - at AS value, at FROM moments")
    ''
    >>> fault_of("SELECT decision AS subject, at FROM moments").partition(";")[0]
    "yields no column 'value'"
    """
    import apsw  # when used: few declarations have such a signal

    columns = ", ".join(f'"{name}" {type_}' for name, type_ in MOMENTS.items())
    watch = _Watch()
    with closing(apsw.Connection(":memory:")) as empty:
        empty.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        empty.execute(f"CREATE TABLE moments ({columns})")
        empty.set_progress_handler(lambda: True, LONGEST)
        empty.authorizer, empty.exec_trace = watch, watch.began
        try:
            for statement in (sql, asked(sql)):  # alone first: what closes a bracket too many is no SELECT
                empty.execute(statement).fetchall()
        except (apsw.Error, TypeError, KeyError) as error:
            return watch.why or f"{error}; {_EXPECTED}"
    return watch.why or _unfit(watch)


_EXPECTED = f"one SELECT over moments is expected, which has {', '.join(MOMENTS)}"


class _Watch:
    """What a statement is and reads, as SQLite sees it; it lets nothing but reading pass."""

    def __init__(self) -> None:
        self.why, self.moments = "", False
        self.columns: list[tuple[str, ...]] = []

    def __call__(self, operation: int, first: str | None, second: str | None, *_: str | None) -> int:
        import apsw

        if operation == apsw.SQLITE_FUNCTION and str(second).lower() in CHANGING:
            self.why = f"{second} is another each time; what happened must always give the same"
            return apsw.SQLITE_DENY
        self.moments = self.moments or (operation == apsw.SQLITE_READ and first == "moments")
        reading = (apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE)
        return apsw.SQLITE_OK if operation in reading else apsw.SQLITE_DENY

    def began(self, cursor: Any, *_: object) -> bool:
        self.columns.append(tuple(name for name, *_ in cursor.get_description()))
        return True


def _unfit(watch: _Watch) -> str:
    """Why what it yields is not what a signal is made of."""
    if len(watch.columns) != 2 or not watch.moments:  # one statement, tried twice
        return f"more than one statement, or none over moments; {_EXPECTED}"
    for name in watch.columns[0]:
        if name not in YIELDED:
            return f"yields a column {name!r}; {suggest(name, YIELDED)}"
    for name in NEEDED:
        if name not in watch.columns[0]:
            return (
                f"yields no column {name!r}; write SELECT … AS subject, … AS value, … AS at,"
                " and … AS user where that is known"
            )
    return ""
