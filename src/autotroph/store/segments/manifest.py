"""Which files count: the manifest, replaced as a whole, and what reads it."""

import os
from pathlib import Path
from typing import Self

import msgspec

from autotroph.errors import LedgerError, UnknownName

FOLDER = "segments"
NAME = "manifest.json"
FORMAT = 1


class Segment(msgspec.Struct, frozen=True):
    """A file: which sequences it covers, how many rows they are, and what it must be byte for byte.

    Attributes:
        full: it is not replaced by a fuller one any more.
        mark: the time of its last row, by which another history of the ledger is noticed.
        again: how many files of this name there were when it was written; none is ever overwritten.
    """

    first: int
    last: int
    rows: int
    bytes: int
    sha256: str
    full: bool
    mark: float | None = None
    again: int = 0

    @property
    def name(self) -> str:
        """Of the file in its table's folder; names sort as sequences do."""
        return f"{self.first:015}-{self.last:015}{f'-{self.again}' if self.again else ''}.parquet"


class Shelf(msgspec.Struct, frozen=True):
    """The segments of one table, in order. Every row up to the sequence `through` is in them."""

    schema: str
    through: int = 0
    segments: tuple[Segment, ...] = ()

    @property
    def resume(self) -> int:
        """After which sequence to go on: behind the last segment that is full."""
        last = self.segments[-1] if self.segments else None
        return last.first - 1 if last is not None and last.rows and not last.full else self.through


class Manifest(msgspec.Struct, frozen=True):
    """What a folder of segments holds.

    Attributes:
        ledger: which ledger it is of.
        erased: the last erasure that was followed.
    """

    format: int = FORMAT
    ledger: str = ""
    erased: int = 0
    tables: dict[str, Shelf] = {}


class Written(msgspec.Struct, frozen=True):
    """What a `sync` or `forget` wrote."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0


class Segments(msgspec.Struct, frozen=True):
    """The segments of a ledger: files by table.

    Attributes:
        folder: where they lie.
        through: every row of every table up to this sequence is in them; some may be there beyond it.
        tables: the segments of each table, in ledger order.
        written: what was written just now; nothing where they were only opened.
    """

    folder: Path
    through: int
    tables: dict[str, tuple[Segment, ...]]
    written: Written = Written()

    @classmethod
    def open(cls, ledger: Path, folder: Path | None = None) -> Self:
        """The segments of a ledger as they are now.

        Args:
            ledger: its file.
            folder: where the segments lie; beside the ledger if None.

        Raises:
            LedgerError: there are none, or a file that is listed is not there.
        """
        folder = place(ledger) if folder is None else folder
        manifest = read(folder)
        if manifest is None:
            raise LedgerError(f"{folder}: there are no segments here; `autotroph segments` writes them")
        through = min((shelf.through for shelf in manifest.tables.values()), default=0)
        found = cls(folder, through, {name: shelf.segments for name, shelf in manifest.tables.items()})
        wrong = found.wrong()
        if wrong and read(folder) != manifest:  # somebody erased rows just now: look again
            return cls.open(ledger, folder)
        if wrong:
            raise LedgerError(
                f"{wrong} is not what was written; `autotroph segments` writes it again from the ledger"
            )
        return found

    def paths(self, table: str) -> list[str]:
        """The files of a table, for `read_parquet([...])`; at least one, which may be without rows."""
        return [str(self.folder / table / one.name) for one in self._of(table)]

    def rows(self, table: str) -> int:
        """How many rows of a table they hold."""
        return sum(one.rows for one in self._of(table))

    def wrong(self) -> Path | None:
        """A file that is missing or has another size than was written, if there is one."""
        for table, segments in self.tables.items():
            for one in segments:
                if not matches(self.folder / table / one.name, one):
                    return self.folder / table / one.name
        return None

    def _of(self, table: str) -> tuple[Segment, ...]:
        if table not in self.tables:
            raise UnknownName("table of segments", table, self.tables)
        return self.tables[table]


def place(ledger: Path) -> Path:
    """Where the segments of a ledger lie unless somebody says otherwise."""
    return ledger.parent / FOLDER


def read(folder: Path) -> Manifest | None:
    """The manifest of a folder; None where there is none that can be read."""
    try:
        found = msgspec.json.decode((folder / NAME).read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, NotADirectoryError):
        return None
    except OSError as error:
        raise LedgerError(f"{folder / NAME}: {error}; check that it can be read") from error
    return found if found.format == FORMAT else None


def write(folder: Path, manifest: Manifest) -> None:
    """Replaces the manifest as a whole: whoever looks finds the old one or the new one."""
    temporary = folder / f".{NAME}"
    temporary.write_bytes(msgspec.json.encode(manifest))
    sync_file(temporary)
    settle(temporary, folder / NAME)


def settle(temporary: Path, name: Path) -> None:
    """Gives a synced file its name, for good."""
    temporary.replace(name)
    sync_file(name.parent)


def sync_file(path: Path) -> None:
    """Syncs what was written to a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def matches(path: Path, segment: Segment) -> bool:
    """Whether the file is there, as large as it was written."""
    try:
        return path.stat().st_size == segment.bytes
    except OSError:
        return False
