"""The schema, step by step: `NNNN_name.sql` in this folder.

They run in order, each with its record in one transaction. A step that was released is never edited; a
new one follows it.

`views.sql` is not data: a step takes the views away, so that none stands in its way, and they are made
anew whenever their text differs from the one in the ledger.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

import apsw

from autotroph.clock import SystemClock, digest
from autotroph.errors import LedgerError

APPLICATION = 0x6175746F
"""How SQLite's header says that a file is ours: "auto"."""

FOLDER = files(__name__)


class Step(NamedTuple):
    """One numbered change of the schema."""

    number: int
    name: str
    sql: str


def steps(folder: Traversable = FOLDER) -> list[Step]:
    """All of them, in order.

    Raises:
        LedgerError: a number is missing, or there twice.

    >>> [step.number for step in steps()][:2]
    [1, 2]
    """
    names = sorted(each.name for each in folder.iterdir() if each.name[:4].isdigit())
    for expected, name in enumerate(names, start=1):
        number = int(name[:4])
        if number != expected:
            wrong = f"{expected:04} is missing" if number > expected else f"{number:04} is there twice"
            raise LedgerError(
                f"the schema: step {wrong} (at {name}); steps are 0001, 0002, … without gaps:"
                " install autotroph again"
            )
    return [Step(int(name[:4]), name[5:-4], folder.joinpath(name).read_text("utf-8")) for name in names]


def migrate(connection: apsw.Connection, seed: str) -> None:
    """Brings a ledger, or an empty file, to the newest schema; `seed` is kept where there was none.

    Raises:
        LedgerError: the file is another program's, or was written by a newer autotroph.
    """
    done = schema(connection)
    with connection:  # all of it or nothing, and one sync
        for step in steps()[done:]:
            _drop_views(connection)
            connection.execute(step.sql)
            _record(connection, step, seed)
        _views(connection)


def schema(connection: apsw.Connection) -> int:
    """The number of the last step that a file took; 0 for an empty one."""
    where = connection.filename
    application = connection.pragma("application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if application != APPLICATION and (application or tables):
        raise LedgerError(f"{where}: this is a database, but not a ledger of autotroph; name another file")
    if not tables:
        return 0
    done = int(connection.execute("SELECT value FROM meta WHERE name = 'schema'").get)
    newest = steps()[-1].number
    if done > newest:
        raise LedgerError(
            f"{where}: written by a newer autotroph (schema {done}, this one knows {newest}): upgrade"
        )
    return done


def _record(connection: apsw.Connection, step: Step, seed: str) -> None:
    now = SystemClock(seed).now()
    connection.execute("INSERT INTO steps (number, name, at) VALUES (?, ?, ?)", (step.number, step.name, now))
    keep = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"
    connection.execute(keep, ("seed", seed))
    connection.execute(keep, ("created", repr(now)))
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('schema', ?)", (str(step.number),))
    connection.execute("DELETE FROM meta WHERE name = 'views'")


def _views(connection: apsw.Connection) -> None:
    text = FOLDER.joinpath("views.sql").read_text("utf-8")
    wanted = digest(text)
    if connection.execute("SELECT value FROM meta WHERE name = 'views'").get == wanted:
        return
    _drop_views(connection)
    connection.execute(text)
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('views', ?)", (wanted,))


def _drop_views(connection: apsw.Connection) -> None:
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'view'").fetchall():
        connection.execute(f'DROP VIEW "{name}"')
