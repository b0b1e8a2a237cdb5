"""The process that the kill test kills: replays a history, and dies at its n-th append."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from autotroph.demo.run import run_demo
from autotroph.records import Record
from autotroph.store.protocols import Receipt
from autotroph.store.sqlite import SqliteStore

SEED, CURSORS = 7, 280


class Doomed:
    """Kills its process at an append: before the row is queued, or while the writer is at it."""

    def __init__(self, at: int) -> None:
        self.left, self.append = abs(at), SqliteStore.append
        self.queued = at < 0

    def __call__(self, store: SqliteStore, *records: Record, **how: Any) -> Receipt:
        self.left -= 1
        if self.left == 0 and self.queued:
            self.append(store, *records, **how)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.append(store, *records, **how)


if __name__ == "__main__":
    doomed = Doomed(int(sys.argv[3]))
    SqliteStore.append = lambda *given, **how: doomed(*given, **how)  # type: ignore[method-assign]
    found: Any = run_demo(Path(sys.argv[1]), SEED, Path(sys.argv[2]), cursors=CURSORS)
    print(found.trace)  # noqa: T201 - the test reads it
