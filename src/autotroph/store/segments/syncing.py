"""`sync` and `forget`: they start the process that copies, hear how it goes, and say what went wrong.

It is a process of its own because it reads the ledger through a second SQLite library, and because whatever
becomes of it, the product that asked goes on.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import IO

import msgspec
from msgspec.structs import replace

from autotroph.errors import LedgerError
from autotroph.store import open_reader
from autotroph.store.segments.manifest import Segments, Written, place


class Progress(msgspec.Struct, frozen=True):
    """A segment was written: rows so far, and how far through the ledger its table is.

    Attributes:
        table: the segment's.
        rows: written so far, of all tables.
        at: the last sequence in the segment.
        head: the last sequence of the ledger.
    """

    table: str
    rows: int
    at: int
    head: int


Watch = Callable[[Progress], object]


def sync(
    ledger: Path, folder: Path | None = None, *, verify: bool = False, progress: Watch = lambda _: None
) -> Segments:
    """Brings the segments of a ledger up to date, while others write to the ledger.

    What is new is written; so is, again, what is missing, of an older schema, or holds rows that were
    erased since. One `sync` at a time works on a folder; another waits.

    Args:
        ledger: its file.
        folder: where the segments lie; beside the ledger if None.
        verify: read every file, and write those again that are damaged.
        progress: is called after each file.

    Raises:
        LedgerError: it could not be done; what was written before can be read as before.
    """
    return _work("verify" if verify else "sync", ledger, folder, progress)


def forget(ledger: Path, folder: Path | None = None, *, progress: Watch = lambda _: None) -> Segments:
    """Takes rows that are not in the ledger any more out of its segments; when it returns, no file has them.

    Every segment that holds such rows is written again, and files that are not listed are removed. Where
    there are no segments, there is nothing to do.

    Args:
        ledger: its file, from which the rows were deleted.
        folder: where the segments lie; beside the ledger if None.
        progress: is called after each file.

    Raises:
        LedgerError: it could not be done, and has to be done again.
    """
    folder = place(ledger) if folder is None else folder
    if not folder.is_dir():
        return Segments(folder, 0, {})
    return _work("forget", ledger, folder, progress)


def _work(what: str, ledger: Path, folder: Path | None, progress: Watch) -> Segments:
    folder = place(ledger) if folder is None else folder
    began = perf_counter()
    # Held open all the while, so that the other library is never the last to close the file.
    with closing(open_reader(ledger)), tempfile.TemporaryFile() as complaints:
        command = [sys.executable, "-P", "-m", "autotroph.store.segments", what, str(ledger), str(folder)]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints
        ) as process:
            assert process.stdout is not None  # it was asked for
            try:
                last = _heard(process.stdout, progress)
            except BaseException:
                process.kill()  # what it has listed stands
                process.wait()
                raise
        if process.returncode or "files" not in last:
            raise LedgerError(
                f"{folder}: the segments could not be written: {_reason(process, last, complaints)}"
            )
    written = msgspec.convert(last, Written)
    return replace(Segments.open(ledger, folder), written=replace(written, seconds=perf_counter() - began))


def _heard(lines: IO[bytes], progress: Watch) -> dict[str, object]:
    """Passes on how it goes; the last thing that was said."""
    last: dict[str, object] = {}
    for line in lines:
        if line.endswith(b"\n"):
            last = msgspec.json.decode(line, type=dict[str, object])
            if "table" in last:
                progress(msgspec.convert(last, Progress))
    return last


def _reason(process: subprocess.Popen[bytes], last: dict[str, object], complaints: IO[bytes]) -> str:
    if "error" in last:
        return f"{last['error']}; see to it, and run `autotroph segments`"
    if process.returncode < 0:
        return (
            f"the process that writes them was killed by signal {-process.returncode} (9: often for memory);"
            " what was written before stands: run `autotroph segments`"
        )
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").strip().splitlines()
    return f"{lines[-1] if lines else 'no reason given'}; a bug in autotroph, please report it"
