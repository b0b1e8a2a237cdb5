"""What was asked for by processes that cannot write: a ledger has one writer, and it is often another one.

An ask is a file in a folder beside the ledger, complete from the moment it has its name, and on disk before
whoever asks goes on. Whoever turns the loop takes it up within a second or, at the latest, before the next
cycle; what came of it is a row of the journal that carries its id, and only then is the file gone. So a crash
at any moment loses no ask, and none is done twice.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from autotroph.errors import AutotrophError, LedgerError
from autotroph.records import Entry
from autotroph.store import Reader
from autotroph.store.opening import make_folder
from autotroph.unattended.freezing import Freeze, Thaw
from autotroph.unattended.waiving import Unwaive, Waive

LARGEST = 64 * 2**10
"""Bytes of an ask; what is larger is none."""

IN_VAIN = "asked in vain"
"""The event of an ask that could not be granted."""


class Approve(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", forbid_unknown_fields=True):
    """Let a candidate go where its task's autonomy asks for a person."""

    candidate: str
    by: str = "a person"


class Start(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", forbid_unknown_fields=True):
    """Start an experiment by hand: as it is declared in the file, or as `declared` says."""

    experiment: str
    declared: dict[str, Any] = {}
    by: str = "a person"


class Conclude(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", forbid_unknown_fields=True):
    """End an experiment by hand with a decision, and propose one of its arms, if it names one."""

    experiment: str
    decision: str
    propose: str = ""
    by: str = "a person"


Ask = Freeze | Thaw | Approve | Start | Conclude | Waive | Unwaive

_ANSWER = """
SELECT sequence FROM journal
WHERE event IN ('frozen', 'thawed', 'approved', 'experiment started', 'experiment stopped', 'asked in vain',
                'reward waived', 'waiver ended')
  AND json_extract(details, '$.ask') = ?
"""


def folder_of(ledger: Path) -> Path:
    """Where what is asked of a ledger's writer lies."""
    return ledger.with_name(f"{ledger.name}.asked")


def put(folder: Path, id_: str, ask: Ask) -> None:
    """Ask; it is on disk when this returns."""
    make_folder(folder)
    complete, begun = folder / f"{id_}.json", folder / f".{id_}"
    with begun.open("wb") as file:
        file.write(msgspec.json.encode(ask))
        file.flush()
        os.fsync(file.fileno())
    begun.rename(complete)
    _sync(folder)


def answer(reader: Reader, id_: str) -> Entry | None:
    """What came of an ask; None while nobody has taken it up."""
    rows = reader.query(_ANSWER, (id_,)).rows
    return reader.get(Entry, sequence=rows[0][0]) if rows else None


def heed(
    folder: Path, reader: Reader, grant: Callable[[str, Ask], object], refuse: Callable[[str, str], object]
) -> int:
    """Take up what was asked for, in the order in which it was.

    Args:
        folder: where it lies.
        reader: of the ledger.
        grant: does it, and journals it with the id.
        refuse: journals why it was not done, with the id.

    Returns:
        how many there were.

    Raises:
        LedgerError: nothing can be written; the asks stay.
    """
    waiting = list(_waiting(folder))
    for file in waiting:
        if answer(reader, file.stem) is None:
            _take(file, grant, refuse)
        file.unlink(missing_ok=True)
    return len(waiting)


def _waiting(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except FileNotFoundError:
        return
    yield from (folder / name for name in names if name.endswith(".json") and not name.startswith("."))


def _take(file: Path, grant: Callable[[str, Ask], object], refuse: Callable[[str, str], object]) -> None:
    try:
        with file.open("rb") as opened:
            ask = msgspec.json.decode(opened.read(LARGEST), type=Ask)
    except msgspec.MsgspecError as error:  # nobody but us writes there, and somebody has
        refuse(file.stem, f"cannot be read: {error}")
        return
    try:
        grant(file.stem, ask)
    except LedgerError:
        raise
    except AutotrophError as error:
        refuse(file.stem, str(error))


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
