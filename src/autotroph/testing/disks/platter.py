"""What is on a disk, as apart from what programs see of it: the model of a power cut.

Takes the operations of a log one by one. Of each file it knows the bytes that programs see (the system's
cache), the bytes that are on the disk for certain, and what was written in between.
"""

from collections.abc import Iterator
from random import Random

import msgspec

SECTOR = 512
"""What a disk writes whole or not at all, in bytes."""

ODDS = (0.0, 0.1, 0.5, 0.9, 1.0)
"""How likely a sector that was not synced is on the disk; one of these is drawn for each file of a cut."""


class Operation(msgspec.Struct, frozen=True, tag=True):
    """Something that was done to a file or to a folder."""


class Found(Operation, frozen=True):
    """A file was there, durably, before anybody looked."""

    path: str
    data: bytes


class Create(Operation, frozen=True):
    """A file was made, empty."""

    path: str


class Delete(Operation, frozen=True):
    """A file was removed from its folder."""

    path: str


class Write(Operation, frozen=True):
    """Bytes were written at an offset."""

    path: str
    offset: int
    data: bytes


class Truncate(Operation, frozen=True):
    """A file was given a length, in bytes."""

    path: str
    size: int


class Sync(Operation, frozen=True):
    """A file was synced; with `folder`, the names in its folder too.

    With `failed` the system said that it did not work: what was unsynced is on the disk or not, decided by
    drawing from `failed`, and no later sync writes it (Linux marks such pages clean).
    """

    path: str
    folder: bool = False
    failed: str = ""


class SyncFolder(Operation, frozen=True):
    """The names in the folder of this path were synced."""

    path: str


class Patch(msgspec.Struct, frozen=True):
    """Unsynced: whole sectors as the cache has them after a write, or, with no data, a new length."""

    start: int
    data: bytes | None

    @property
    def end(self) -> int:
        """How long a file is at least that has it."""
        return self.start + len(self.data or b"")

    def sectors(self) -> Iterator["Patch"]:
        """What is on the disk or not, each by itself."""
        if self.data is None:
            yield self
            return
        for at in range(0, len(self.data), SECTOR):
            yield Patch(self.start + at, self.data[at : at + SECTOR])

    def apply(self, body: bytearray) -> None:
        """Puts it on the disk."""
        if self.data is None:
            _resize(body, self.start)
        else:
            _overwrite(body, self.start, self.data)


class File:
    """The bytes of one file, whatever its name."""

    def __init__(self, data: bytes = b"") -> None:
        self.seen = bytearray(data)
        self.sure = bytearray(data)
        self.patches: list[Patch] = []

    def write(self, offset: int, data: bytes) -> None:
        """Writes into the cache, and remembers the sectors."""
        _overwrite(self.seen, offset, data)
        start = offset - offset % SECTOR
        end = -(-(offset + len(data)) // SECTOR) * SECTOR
        self.patches.append(Patch(start, bytes(self.seen[start:end])))

    def truncate(self, size: int) -> None:
        """Gives the file a length."""
        _resize(self.seen, size)
        self.patches.append(Patch(size, None))

    def sync(self) -> None:
        """Everything written is on the disk."""
        for each in self.patches:
            each.apply(self.sure)
        self.patches = []

    def lose(self, luck: Random) -> None:
        """A sync failed: some of what was written is on the disk, and the rest will never be."""
        self.sure = self.after_cut(luck)
        self.patches = []

    def after_cut(self, luck: Random) -> bytearray:
        """What the disk would have after a power cut now."""
        left, odds = bytearray(self.sure), luck.choice(ODDS)
        for sector in (sector for each in self.patches for sector in each.sectors()):
            if luck.random() < odds:
                sector.apply(left)
        if self.patches and luck.random() < 0.5:
            missing = max(0, luck.choice(self.patches).end - len(left))
            left += luck.randbytes(missing) if luck.random() < 0.5 else bytes(missing)
        return left


class Platter:
    """A disk, as far as the log says.

    >>> platter = Platter()
    >>> for done in (Create("/a"), Write("/a", 0, b"one"), Sync("/a", folder=True), Write("/a", 0, b"two")):
    ...     platter.take(done)
    >>> platter.seen("/a"), sorted({platter.after_cut(Random(n))["/a"] for n in range(20)})
    (b'two', [b'one', b'two'])
    """

    def __init__(self) -> None:
        self._seen: dict[str, File] = {}
        self._sure: dict[str, File] = {}
        self._changes: dict[str, list[File | None]] = {}

    def take(self, done: Operation) -> None:
        """The next operation of the log."""
        match done:
            case Found(path, data):
                self._seen[path] = self._sure[path] = File(data)
            case Create(path):
                self._name(path, File())
            case Delete(path):
                self._name(path, None)
            case Write(path, offset, data):
                self._seen[path].write(offset, data)
            case Truncate(path, size):
                self._seen[path].truncate(size)
            case Sync(path, folder, failed):
                self._sync(path, folder=folder, failed=failed)
            case SyncFolder(path):
                self._sync_folder(path)
            case _:
                raise TypeError(f"{done!r} is no operation of a disk")

    def knows(self, path: str) -> bool:
        """Whether the file is there, as programs see it."""
        return path in self._seen

    def seen(self, path: str) -> bytes:
        """The bytes of a file as programs see them."""
        return bytes(self._seen[path].seen)

    def sure(self, path: str) -> bytes:
        """The bytes of a file that are on the disk for certain, whatever its name."""
        return bytes(self._seen[path].sure)

    def after_cut(self, luck: Random) -> dict[str, bytes]:
        """The files that would be there after a power cut now, by path."""
        names: dict[str, File | None] = {**self._sure}
        for path, versions in self._changes.items():
            names[path] = luck.choice([self._sure.get(path), *versions])
        return {path: bytes(file.after_cut(luck)) for path, file in names.items() if file is not None}

    def _name(self, path: str, file: File | None) -> None:
        if file is None:
            self._seen.pop(path)
        else:
            self._seen[path] = file
        self._changes.setdefault(path, []).append(file)

    def _sync(self, path: str, *, folder: bool, failed: str) -> None:
        if failed:
            self._seen[path].lose(Random(failed))
            return
        self._seen[path].sync()
        if folder:
            self._sync_folder(path)

    def _sync_folder(self, path: str) -> None:
        for name in [each for each in self._changes if _folder(each) == _folder(path)]:
            file = self._changes.pop(name)[-1]
            if file is None:
                self._sure.pop(name, None)
            else:
                self._sure[name] = file


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _overwrite(body: bytearray, offset: int, data: bytes) -> None:
    if len(body) < offset:
        body += bytes(offset - len(body))
    body[offset : offset + len(data)] = data


def _resize(body: bytearray, size: int) -> None:
    if size < len(body):
        del body[size:]
    else:
        body += bytes(size - len(body))
