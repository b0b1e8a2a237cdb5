"""The way back to an earlier ledger, without bringing back anybody who was erased since.

A backup that was made before an erasure holds the erased person. So restoring takes the marks of all
erasures out of the present ledger, and erases those people from the restored one before it is in its place.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from autotroph.errors import InputError, LedgerError
from autotroph.govern import persons
from autotroph.govern.custody import Custody
from autotroph.govern.redaction import Redactor
from autotroph.records import CHAINED, Entry, Erasure
from autotroph.store import Store, open_store
from autotroph.store.codec import TABLES
from autotroph.store.copying import AnySchema, Progress, Snapshot, copy, inspect, put
from autotroph.store.opening import location, lock, make_folder, named
from autotroph.store.segments.manifest import place


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restoration did.

    Attributes:
        ledger: its file.
        snapshot: what the backup held.
        aside: the file that the ledger before is in; empty where there was none.
        lost: how many rows it has that the backup had not; None where that is not known.
        erased: how many people were erased from the restored ledger, because they had been since.
        gap: why erasures since the backup could not be carried over; empty where they were.
    """

    ledger: str
    snapshot: Snapshot
    aside: str = ""
    lost: int | None = 0
    erased: int = 0
    gap: str = ""


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """What can be read of the ledger that is to be replaced.

    Attributes:
        seed: the salt of its marks.
        marks: of everybody and everything that was erased from it.
        lost: how many rows it has that the backup has not; None where it did not grow out of that.
        gap: what could not be read, and why; empty where all of it could.
    """

    seed: str = ""
    marks: tuple[Erasure, ...] = ()
    lost: int | None = None
    gap: str = ""


def backup(url: str | Path, to: Path, progress: Progress | None = None) -> Snapshot:
    """Copies a ledger into one file, while others read and write it; the copy is checked.

    Raises:
        InputError: the target is there already, or its folder is not; or the ledger is no file.
        LedgerError: the ledger is damaged or was tampered with, or the copy cannot be written.
    """
    return copy(location(url), to, progress)


def restore(
    source: Path, url: str | Path, now: float, by: str = "a person", progress: Progress | None = None
) -> Restored:
    """Puts a backup in the place of a ledger, which is kept beside it as `<ledger>.before-<time>`.

    Segments are removed: they are written anew from the restored ledger.

    Args:
        source: a backup; it stays as it is.
        url: of the ledger.
        now: seconds since the epoch.
        by: who says so, for the journal.
        progress: called now and then while the backup is copied.

    Raises:
        LedgerError: somebody has the ledger open; or the backup is damaged, was tampered with, or is one of
            another ledger. Nothing was changed then.
    """
    ledger = location(url)
    if ledger.exists() and source.exists() and ledger.samefile(source):
        raise InputError(f"{source}: is the ledger itself; name a backup of it")
    snapshot = inspect(source)
    with named(ledger):
        make_folder(ledger.parent)
        release = lock(ledger)
    try:
        before = _present(ledger, snapshot)
        _refuse_stranger(source, before)
        return _restored(_Task(source, ledger, now, by, progress), snapshot, before)
    finally:
        release()


# what is in the place ------------------------------------------------------------------------------------


def _present(ledger: Path, snapshot: Snapshot) -> Present:
    if not ledger.exists() or not ledger.stat().st_size:
        return Present(gap="there was no ledger in the place")
    found = Present()
    try:
        with closing(AnySchema(ledger)) as reader:
            ((seed, rows),) = reader.query(_FACTS).rows
            found = Present(seed=str(seed) if rows else "")
            found = msgspec.structs.replace(found, marks=_marks(reader))
            found = msgspec.structs.replace(found, lost=_newer(reader, snapshot))
    except (LedgerError, ValueError) as error:
        return msgspec.structs.replace(found, gap=f"the ledger in the place could not be read ({error})")
    return found


_FACTS = "SELECT (SELECT value FROM meta WHERE name = 'seed'), sequence FROM head"
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"
_LINKS = " UNION ALL ".join(f"SELECT sequence, hash FROM {TABLES[kind]}" for kind in CHAINED)
_NEWEST = f"SELECT * FROM ({_LINKS}) WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1"


def _marks(reader: AnySchema) -> tuple[Erasure, ...]:
    if ("erasures",) not in reader.query(_TABLES).rows:
        return ()
    broken = reader.query("PRAGMA integrity_check('erasures')").rows
    if broken != (("ok",),):
        raise LedgerError(f"{reader.path}: its list of erasures is damaged ({broken[0][0]!s})")
    rows = reader.query("SELECT digest, about, at FROM erasures ORDER BY sequence").dicts()
    return msgspec.convert(tuple(rows), tuple[Erasure, ...])


def _newer(reader: AnySchema, snapshot: Snapshot) -> int | None:
    """How many rows a ledger has that a backup of it has not; None where it did not grow out of that."""
    newest = reader.query(_NEWEST, (snapshot.rows,)).rows
    if snapshot.links and [hash_ for _, hash_ in newest] != [snapshot.hash]:
        return None
    known = {str(name) for (name,) in reader.query(_TABLES).rows}
    return sum(
        msgspec.convert(
            reader.query(f"SELECT count(*) FROM {table} WHERE sequence > ?", (snapshot.rows,)).rows[0][0], int
        )
        for kind, table in TABLES.items()
        if table in known and kind is not Erasure  # those are carried over
    )


def _refuse_stranger(source: Path, before: Present) -> None:
    if not before.seed:
        return
    with closing(AnySchema(source)) as reader:
        ((seed, rows),) = reader.query(_FACTS).rows
    if rows and seed != before.seed:
        raise LedgerError(
            f"{source}: is a backup of another ledger than the one in the place; move that one away first,"
            " or name the ledger that it is of"
        )


# putting -------------------------------------------------------------------------------------------------


class _Task(msgspec.Struct, frozen=True):
    """What `restore` was asked."""

    source: Path
    ledger: Path
    now: float
    by: str
    progress: Progress | None


def _restored(task: _Task, snapshot: Snapshot, before: Present) -> Restored:
    ledger = task.ledger
    aside = _aside(ledger, task.now) if ledger.exists() else None
    room = ledger.with_name(f".{ledger.name}.restoring")
    with named(ledger):
        shutil.rmtree(room, ignore_errors=True)
        room.mkdir(mode=0o700)
    try:
        copy(task.source, room / ledger.name, task.progress)
        done = Restored(
            ledger=str(ledger),
            snapshot=snapshot,
            aside=str(aside or ""),
            lost=before.lost if aside else 0,
            gap=before.gap,
        )
        with closing(open_store(room / ledger.name)) as store:
            done = msgspec.structs.replace(done, erased=_carry_over(store, before.marks, task.now))
            store.append(_entry(done, task)).durable()
        _place(room / ledger.name, ledger, aside)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return done


def _place(fresh: Path, ledger: Path, aside: Path | None) -> None:
    with named(ledger):
        if aside is not None:
            shutil.copymode(ledger, fresh)
        put(fresh, ledger, aside or ledger)
        if (segments := place(ledger)).is_dir():
            shutil.rmtree(segments)


def _aside(ledger: Path, now: float) -> Path:
    """A free name beside the ledger. One that a crash left on the ledger itself is taken off it again."""
    for each in ledger.parent.glob(f"{ledger.name}.before-*"):
        if each.samefile(ledger):
            each.unlink()
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{ledger.name}.before-{stamp}{f'-{again}' if again else ''}" for again in range(1000))
    return next(path for name in names if not (path := ledger.with_name(name)).exists())


def _carry_over(store: Store, marks: tuple[Erasure, ...], now: float) -> int:
    """Erases from a restored ledger whoever was erased since; how many they were."""
    custody = Custody(store, store.meta("seed") or "", Redactor((), {}))
    digests = {mark.digest for mark in marks}
    gone = [user for user in _users(store) if custody.mark("user", user) in digests]
    if gone:
        persons.erase(store, custody, gone, "restore", now)
    here = {mark.digest for mark in store.scan(Erasure)}
    store.append(*(mark for mark in marks if mark.digest not in here)).durable()
    return len(gone)


def _users(store: Store) -> Iterator[str]:
    for (user,) in store.query(_USERS).rows:
        yield str(user)


_USERS = """
SELECT user FROM decisions WHERE user <> '' UNION SELECT user FROM signals WHERE user <> ''
UNION SELECT subject FROM signals WHERE about = 'user'
"""


def _entry(done: Restored, task: _Task) -> Entry:
    details = {
        "backup": task.source.name,
        "rows": done.snapshot.rows,
        "links": done.snapshot.links,
        "hash": done.snapshot.hash,
        "lost": done.lost,
        "erased": done.erased,
        "gap": done.gap,
    }
    return Entry(actor=task.by, event="restored", subject="ledger", details=details, at=task.now)
