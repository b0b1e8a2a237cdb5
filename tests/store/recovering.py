"""A ledger at work on a disk that keeps a log, and what must be there when it is opened again."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import apsw
from msgspec.structs import replace

from autotroph.records import CHAINED, ROWS, Completion, Record, Reward
from autotroph.store import verify
from autotroph.store.queue import Job
from autotroph.store.receipt import Receipt
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import Disk, Operation, Platter
from autotroph.testing.stores import decision, entry, signal

MEMORY = Path("/dev/shm")
ENTRY = -1
"""The number of the line of the journal that shows that a ledger can be written to again."""


class Wrong(AssertionError):
    """What was acknowledged is not there, or what is there does not hold."""


class Told:
    """What a store told its callers, and after how many operations of its disk."""

    def __init__(self) -> None:
        self.appends: list[tuple[int, Sequence[Record], tuple[int, ...]]] = []
        self.facts: list[tuple[int, str]] = []
        self.refused: list[tuple[Sequence[Record], BaseException]] = []

    def records(self) -> dict[int, Record]:
        """Every acknowledged row, by its sequence."""
        return {
            sequence: replace(record, sequence=sequence)
            for _, records, sequences in self.appends
            for record, sequence in zip(records, sequences, strict=True)
        }

    def last(self, cut: int) -> int:
        """The last sequence acknowledged before the cut."""
        return max((sequences[-1] for at, _, sequences in self.appends if at <= cut and sequences), default=0)

    def fact(self, cut: int) -> str:
        """The newest fact acknowledged before the cut."""
        return max((fact for at, fact in self.facts if at <= cut), default="")


class Watched(SqliteStore):
    """The shipped store; notes at which operation of the disk each append was acknowledged."""

    def __init__(self, path: Path, disk: Disk, told: Told) -> None:
        self._disk, self._told, self._given = disk, told, ()
        super().__init__(path, vfs=disk.name)

    def append(self, *records: Record, **how: Any) -> Receipt:
        self._given = records
        return super().append(*records, **how)

    def set_meta(self, name: str, value: str) -> None:
        self._given = value
        super().set_meta(name, value)

    def _submit(self, job: Job, patience: float | None = None) -> Receipt:
        given = self._given
        job.receipt.when_known(lambda: self._note(given, job.receipt))
        return super()._submit(job, patience)

    def _note(self, given: Sequence[Record] | str, done: Receipt) -> None:
        at = len(self._disk.log)
        if error := done.failure():
            self._told.refused.append((given, error))
        elif isinstance(given, str):
            self._told.facts.append((at, given))
        else:
            self._told.appends.append((at, given, done.durable()))


def interaction(number: int, luck: Random) -> tuple[Record, ...]:
    """A decision with what came of it and what came back, of any size up to some pages."""
    served = decision(f"d{number}", key=f"k{number}", inputs={"text": "x" * luck.choice((10, 300, 6000))})
    output = "y" * luck.choice((0, 40, 900))
    signals = [signal(f"s{number}-{each}", subject=served.id) for each in range(luck.randrange(3))]
    reward = Reward(decision=served.id, name="kept", version="v1", value=0.5, final=True, at=1.0)
    return (served, Completion(decision=served.id, output=output, at=1.0), *signals, reward)


def anything(number: int, luck: Random) -> tuple[Record, ...]:
    """One append: an interaction, or what changes behaviour, which is chained."""
    kinds = (interaction(number, luck), (entry(number),), (entry(number), *interaction(number, luck)))
    return luck.choice(kinds)


def at_work(path: Path, disk: Disk, luck: Random) -> Told:
    """A ledger is made, filled in batches of various sizes, closed, opened again, and filled more."""
    told, number = Told(), 0
    for days in range(2):
        with closing(Watched(path, disk, told)) as store:
            for size in luck.sample((1, 1, 1, 5), 4):
                receipts = [store.append(*anything(number + each, luck)) for each in range(size)]
                number += size
                receipts[-1].durable()
            store.set_meta("note", f"day {days}")
    return told


def cuts(log: Sequence[Operation], seeds: Sequence[str]) -> Iterator[tuple[int, dict[str, bytes]]]:
    """For every operation and seed: after how many operations the power went, and the files it left."""
    platter = Platter()
    for cut, done in enumerate(log, start=1):
        platter.take(done)
        for seed in seeds:
            yield cut, platter.after_cut(Random(f"{seed} {cut}"))


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder in memory, if the system has one."""
    with tempfile.TemporaryDirectory(prefix="autotroph-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def put(files: dict[str, bytes], folder: Path, luck: Random) -> Path:
    """Lays out what a cut left, with rubbish for an index now and then; the ledger's path there."""
    for old in folder.glob("ledger.db*"):
        old.unlink()
    for path, data in files.items():
        (folder / Path(path).name).write_bytes(data)
    if luck.random() < 0.3:
        (folder / "ledger.db-shm").write_bytes(luck.randbytes(32768))
    return folder / "ledger.db"


def assert_prefix(path: Path, told: Told, cut: int) -> None:
    """Whatever is there is the beginning of what came, and holds all that was acknowledged before the cut."""
    with closing(SqliteStore(path)) as store:
        last = store.last()
        _equal(rows(store), {each: row for each, row in told.records().items() if each <= last}, "rows")
        _expect(last >= told.last(cut), f"{last} of {told.last(cut)} acknowledged rows are there")
        _expect((store.meta("note") or "") >= told.fact(cut), "an acknowledged fact is gone")
        assert_sound(store)


def assert_kept(path: Path, told: Told) -> None:
    """Every acknowledged row is there; of what was refused, all of an append or nothing."""
    with closing(SqliteStore(path)) as store:
        found = rows(store)
        kept = told.records()
        _equal({each: row for each, row in found.items() if each in kept}, kept, "acknowledged rows")
        left = [replace(row, sequence=0) for each, row in found.items() if each not in kept]
        for records, _ in told.refused:
            there = sum(record in left for record in records)
            _expect(
                there in (0, len(records)), f"{there} of {len(records)} rows of a refused append are there"
            )
        assert_sound(store)


def assert_sound(store: SqliteStore) -> None:
    """The file is whole, the chain holds, the head fits, and it can be written to."""
    found = rows(store)
    last = store.last()
    _equal(sorted(found), list(range(1, last + 1)), "sequences")
    _equal(verify(store), sum(isinstance(row, CHAINED) for row in found.values()), "links")
    _equal(store.append(entry(ENTRY)).durable(), (last + 1,), "the next sequence")
    with closing(apsw.Connection(str(store.path))) as connection:
        _equal(connection.pragma("integrity_check"), "ok", "integrity")
        _equal(connection.pragma("foreign_key_check"), None, "foreign keys")


def rows(store: SqliteStore) -> dict[int, Record]:
    """All that a ledger holds."""
    return {row.sequence: row for kind in ROWS for row in store.scan(kind)}


def _equal(found: object, wanted: object, what: str) -> None:
    _expect(found == wanted, f"{what}: {found!r:.300} is not {wanted!r:.300}")


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


def soon(happened: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether it happens in time."""
    until = time.monotonic() + seconds
    while not happened() and time.monotonic() < until:
        time.sleep(0.01)
    return happened()
