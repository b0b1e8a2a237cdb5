"""The process that copies: ledger to segments, one file at a time, each listed when it is on disk.

    python -m autotroph.store.segments sync|verify|forget LEDGER FOLDER

It tells how it goes in lines of JSON on stdout: `{"table", "rows", "at", "head"}` after each file, at last
`{"files", "rows", "bytes"}`, or `{"error"}`.
"""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from autotroph.clock import digest
from autotroph.store.segments import manifest as manifests
from autotroph.store.segments.columns import Layer, tables
from autotroph.store.segments.manifest import Manifest, Segment, Shelf
from autotroph.store.segments.source import Source, alone

ROWS = 98_304
"""Of a full segment: 48 of DuckDB's vectors, one row group."""

BYTES = 64 * 2**20
"""Of texts, after which a segment is full with fewer rows, so that memory stays bounded."""

READ = 2**20
SCRATCH, TEMPORARY = ".scratch", ".writing.parquet"

Tell = Callable[[Mapping[str, object]], None]


def work(what: str, ledger: Path, folder: Path, tell: Tell) -> None:
    """Brings the segments of a ledger up to date.

    Args:
        what: `sync` writes what is new; `verify` reads every file first and replaces damaged ones; `forget`
            only takes out what is not in the ledger any more.
        ledger: its file.
        folder: where the segments lie.
        tell: hears how it goes.
    """
    folder.mkdir(exist_ok=True)
    with alone(folder), Source(ledger, folder / SCRATCH) as source:
        copyist = Copyist(source, folder, ledger.stat().st_mode & 0o666, tell)
        if what == "forget":
            copyist.forget()
        else:
            copyist.sync(verify=what == "verify")
        tell(copyist.written)


class Copyist:
    """Writes segments and the manifest of a folder.

    Args:
        source: the ledger.
        folder: where the segments lie.
        mode: the permissions of the files: those of the ledger.
        tell: hears how it goes.
    """

    def __init__(self, source: Source, folder: Path, mode: int, tell: Tell) -> None:
        self._source, self._folder, self._mode, self._tell = source, folder, mode, tell
        self._head: int = source.value("SELECT sequence FROM head")
        self._listed = manifests.read(folder) or Manifest()
        self._kept = self._standing(self._listed)
        self.written = {"files": 0, "rows": 0, "bytes": 0}

    def sync(self, *, verify: bool) -> None:
        """Writes what is new, and again what is missing, damaged, of another schema, or erased since."""
        self._sweep()
        for layer in tables().values():
            self._mend(layer, verify=verify)
        if self._erased() > self._kept.erased:
            self.forget()
        for layer in tables().values():
            self._extend(layer)
        self._save()

    def forget(self) -> None:
        """Takes out rows that are not in the ledger any more, and every file that is not listed."""
        erased = self._erased()
        for layer in tables().values():
            for one in self._shelf(layer).segments:
                if self._count(layer, one) < one.rows:
                    self._rewrite(layer, one)
        self._kept = replace(self._kept, erased=erased)
        self._save()
        self._sweep()

    def _standing(self, listed: Manifest) -> Manifest:
        """What still counts of a manifest: all of it, unless it is of another ledger, history or schema."""
        facts = self._source.rows("SELECT value FROM meta WHERE name IN ('seed', 'created') ORDER BY name")
        ledger = digest(*(str(value) for (value,) in facts))
        if listed.ledger != ledger or not self._continues(listed):
            return Manifest(ledger=ledger, erased=self._erased())
        now = {name: layer.digest for name, layer in tables().items()}
        kept = {name: shelf for name, shelf in listed.tables.items() if shelf.schema == now.get(name)}
        return replace(listed, tables=kept)

    def _continues(self, listed: Manifest) -> bool:
        """Whether the ledger went on from there. One that was restored from a backup may not have."""
        for name, shelf in listed.tables.items():
            layer, last = tables().get(name), shelf.segments[-1]
            at = self._mark(layer, last.last) if layer else None
            if shelf.through > self._head or (at is not None and at != last.mark):
                return False
        return True

    def _erased(self) -> int:
        return self._source.value("SELECT max(sequence) FROM erasures") or 0

    def _shelf(self, layer: Layer) -> Shelf:
        return self._kept.tables.get(layer.table, Shelf(layer.digest))

    def _mend(self, layer: Layer, *, verify: bool) -> None:
        for one in self._shelf(layer).segments:
            path = self._path(layer, one)
            if not manifests.matches(path, one) or (verify and _sha256(path) != one.sha256):
                self._rewrite(layer, one)

    def _rewrite(self, layer: Layer, one: Segment) -> None:
        """Writes a segment again from the ledger; where nothing is left of it, it goes."""
        again = [self._copy(layer, one.first, one.last, full=one.full)] if self._count(layer, one) else []
        shelf = self._shelf(layer)
        kept = [each for segment in shelf.segments for each in (again if segment is one else [segment])]
        self._list(layer, shelf.through, kept)
        self._save()

    def _extend(self, layer: Layer) -> None:
        """Writes what came after the last full segment, if anything is new."""
        shelf = self._shelf(layer)
        kept, after = list(shelf.segments), shelf.resume
        if shelf.through < self._head and self._bounds(layer, shelf.through, 1):
            kept = [one for one in kept if one.rows and one.last <= after]
            while (bounds := self._bounds(layer, after, ROWS)) is not None:
                first, after, full = bounds
                kept.append(self._copy(layer, first, after, full=full))
                self._list(layer, after, kept)
                self._save()
        self._list(layer, self._head, kept)

    def _bounds(self, layer: Layer, after: int, rows: int) -> tuple[int, int, bool] | None:
        """The first and last sequence of the next segment, and whether it will be full."""
        wide = [f'coalesce(octet_length("{column.name}"), 0)' for column in layer.columns if column.wide]
        sizes = _SIZES.format(" + ".join(wide) or 0, layer.table, after, self._head, rows)
        ((first, last, count, size),) = self._source.rows(f"SELECT {_FOUND}, sum(size) FROM ({sizes})")
        if count and size > BYTES:
            ((first, last, count, size),) = self._source.rows(_CUT.format(sizes, BYTES))
        return (first, last, count >= ROWS or size >= BYTES) if count else None

    def _copy(self, layer: Layer, first: int, last: int, *, full: bool) -> Segment:
        """Writes a segment, under its name only when it is on disk."""
        folder = self._folder / layer.table
        folder.mkdir(exist_ok=True)
        temporary = folder / TEMPORARY
        rows = self._source.copy(layer, (first, last), temporary)
        temporary.chmod(self._mode)
        manifests.sync_file(temporary)
        size, sha256 = temporary.stat().st_size, _sha256(temporary)
        one = Segment(first, last, rows, size, sha256, full, self._mark(layer, last))
        while self._path(layer, one).exists():
            one = replace(one, again=one.again + 1)
        manifests.settle(temporary, self._path(layer, one))
        self._wrote(layer, one)
        return one

    def _mark(self, layer: Layer, sequence: int) -> float | None:
        if all(column.name != "at" for column in layer.columns):
            return None
        at: float | None = self._source.value(f'SELECT "at" FROM {layer.table} WHERE sequence = {sequence}')
        return at

    def _count(self, layer: Layer, one: Segment) -> int:
        """How many of a segment's rows the ledger still has."""
        found: int = self._source.value(
            f"SELECT count(*) FROM {layer.table} WHERE sequence BETWEEN {one.first} AND {one.last}"
        )
        return found

    def _list(self, layer: Layer, through: int, segments: list[Segment]) -> None:
        """Lists the files of a table; there is always one, so that even without rows it has a schema."""
        listed = tuple(segments) or (self._copy(layer, 0, 0, full=False),)
        shelf = Shelf(layer.digest, through, listed)
        self._kept = replace(self._kept, tables={**self._kept.tables, layer.table: shelf})

    def _save(self) -> None:
        if self._kept != self._listed:
            manifests.write(self._folder, self._kept)
            self._listed = self._kept

    def _sweep(self) -> None:
        """Removes what crashes and replaced segments left."""
        shelves = self._listed.tables.items()
        listed = {self._folder / table / one.name for table, shelf in shelves for one in shelf.segments}
        for path in self._folder.glob("*/*.parquet"):
            if path not in listed:
                path.unlink()
        shutil.rmtree(self._folder / SCRATCH, ignore_errors=True)

    def _path(self, layer: Layer, one: Segment) -> Path:
        return self._folder / layer.table / one.name

    def _wrote(self, layer: Layer, one: Segment) -> None:
        self.written["files"] += 1
        self.written["rows"] += one.rows
        self.written["bytes"] += one.bytes
        self._tell({"table": layer.table, "rows": self.written["rows"], "at": one.last, "head": self._head})


_SIZES = """SELECT sequence, {} AS size FROM {} WHERE sequence > {} AND sequence <= {}
             ORDER BY sequence LIMIT {}"""
_FOUND = "min(sequence), max(sequence), count(*)"
_CUT = f"""SELECT {_FOUND}, max(before + size) FROM (
  SELECT sequence, size, sum(size) OVER (ORDER BY sequence ROWS UNBOUNDED PRECEDING) - size AS before
  FROM ({{}})) WHERE before < {{}}"""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
