"""A disk that keeps a log of what is done to it, and that fails, stalls or lies when it is told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from os import fspath
from pathlib import Path
from threading import Condition
from typing import Literal

import apsw
import msgspec

from autotroph.testing.disks.platter import (
    Create,
    Delete,
    Found,
    Operation,
    Platter,
    Sync,
    SyncFolder,
    Truncate,
    Write,
)

Kind = Literal["write", "truncate", "sync"]

LEDGER = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
NAMED_ANEW = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL

_NUMBERS = count(1)


class Fault(msgspec.Struct, frozen=True):
    """A way of failing: what SQLite is told for each kind of operation; a kind that is not there works."""

    name: str
    codes: dict[Kind, int]


FULL = Fault("ENOSPC", {"write": apsw.SQLITE_FULL, "sync": apsw.SQLITE_IOERR_FSYNC})
"""No space left: found when a block is asked for, which some file systems do as late as in the sync."""

BROKEN = Fault(
    "EIO",
    {
        "write": apsw.SQLITE_IOERR_WRITE,
        "truncate": apsw.SQLITE_IOERR_TRUNCATE,
        "sync": apsw.SQLITE_IOERR_FSYNC,
    },
)
"""The medium does not take it."""


class Disk(apsw.VFS):
    """A virtual file system over the default one; pass `name` as the `vfs` of a store.

    Args:
        keeps: whether to keep the log and the model of what is durable; without them it only fails and
            stalls, and holds no memory.
        evicts: after a failed sync, whether programs see at once what is left of what they wrote, as when
            the system drops the pages from its cache; otherwise they go on seeing what they wrote.
        luck: what a failed sync leaves is drawn from this.

    Attributes:
        log: everything done to the ledger's files so far.
        platter: what is on it.
        asked: how many writes, truncations and syncs were asked for.
        lies: while true, syncs do nothing and say that they worked.
    """

    def __init__(self, *, keeps: bool = True, evicts: bool = False, luck: str = "") -> None:
        self.name = f"disk-{next(_NUMBERS)}"
        super().__init__(self.name, "")
        self.log: list[Operation] = []
        self.platter = Platter()
        self.asked = 0
        self.lies = False
        self.evicts = evicts
        self.luck = luck
        self._keeps = keeps
        self._fault: Fault | None = None
        self._of = ""
        self._failing = range(0)
        self._stalled: str | None = None
        self._changed = Condition()

    def fail(self, fault: Fault, *, at: int = 1, times: int | None = None, of: str = "") -> None:
        """Lets operations fail.

        Args:
            fault: how.
            at: which is the first, counted from now on.
            times: for how many (None: until `mend`).
            of: only those of files whose name ends so.
        """
        first = self.asked + at
        self._fault, self._of = fault, of
        self._failing = range(first, first + times if times else 2**62)

    def mend(self) -> None:
        """From now on it works."""
        self._fault = None

    @contextmanager
    def stalled(self, of: str = "") -> Iterator[None]:
        """While this lasts, writes and syncs of files whose name ends so block; reads go on."""
        self._stalled = of
        try:
            yield
        finally:
            with self._changed:
                self._stalled = None
                self._changed.notify_all()

    @contextmanager
    def mounted(self) -> Iterator["Disk"]:
        """The disk, and afterwards SQLite does not know it any more; close every connection before."""
        try:
            yield self
        finally:
            self.unregister()

    def take(self, kind: Kind, path: str) -> int:
        """An operation is asked for: waits out a stall. Says with which code it fails; 0 if it works."""
        with self._changed:
            self.asked += 1
            number, fault = self.asked, self._fault
            self._changed.wait_for(lambda: self._stalled is None or not path.endswith(self._stalled))
        if not fault or number not in self._failing or not path.endswith(self._of):
            return 0
        return fault.codes.get(kind, 0)

    def note(self, done: Operation) -> None:
        """An operation was done."""
        if self._keeps:
            self.platter.take(done)
            self.log.append(done)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        """Opens a file; the ledger's are watched."""
        if name is None or not flags[0] & LEDGER:
            return apsw.VFSFile("", name, flags)
        path = name if isinstance(name, str) else name.filename()
        there = Path(path).exists()
        if there and self._keeps and not self.platter.knows(path):
            self.note(Found(path, Path(path).read_bytes()))
        file = DiskFile(self, path, name, flags)
        if not there and Path(path).exists():
            self.note(Create(path))
        return file

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802, FBT001 - apsw's
        """Deletes a file."""
        super().xDelete(filename, syncdir)
        self.note(Delete(fspath(filename)))
        if syncdir and not self.lies:
            self.note(SyncFolder(fspath(filename)))


class DiskFile(apsw.VFSFile):
    """One of the ledger's files, opened."""

    def __init__(self, disk: Disk, path: str, name: str | apsw.URIFilename, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk, self._path = disk, path
        self._names = bool(flags[0] & NAMED_ANEW and flags[0] & apsw.SQLITE_OPEN_CREATE)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's name
        """Writes; a write that fails has done half of it."""
        code = self._disk.take("write", self._path)
        body = bytes(data[: len(data) // 2] if code else data)
        super().xWrite(body, offset)
        self._disk.note(Write(self._path, offset, body))
        _raise(code)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - apsw's name
        """Gives the file a length."""
        _raise(self._disk.take("truncate", self._path))
        super().xTruncate(newsize)
        self._disk.note(Truncate(self._path, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's name
        """Syncs the file, and the first time the folder of a new log or journal."""
        code = self._disk.take("sync", self._path)
        if code:
            self._disk.note(Sync(self._path, failed=f"{self._disk.luck} {self._disk.asked}"))
            self._evict()
            _raise(code)
        if self._disk.lies:
            return
        super().xSync(flags)
        self._disk.note(Sync(self._path, folder=self._names))
        self._names = False

    def _evict(self) -> None:
        if self._disk.evicts:
            left = self._disk.platter.sure(self._path)
            super().xWrite(left, 0)
            super().xTruncate(len(left))


def _raise(code: int) -> None:
    if code:
        error = apsw.exception_for(code)
        error.args = (apsw.mapping_extended_result_codes.get(code) or apsw.mapping_result_codes[code],)
        raise error
