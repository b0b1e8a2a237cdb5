"""Copies a ledger to segments again and again, and is killed each time one step later.

    dying.py LEDGER FOLDER WHAT EVERY

leaves FOLDER-1, FOLDER-1+EVERY, … as each kill left them; the last one is what nobody killed. A step is
everything that changes what is on the disk.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401 - before the forks, so that each is quick

from autotroph.store.segments import copying, manifest, source

STEPS = (
    (manifest, "sync_file"),
    (manifest, "settle"),
    (source.Source, "copy"),
    (Path, "unlink"),
    (Path, "mkdir"),
)


def main(ledger: Path, folder: Path, what: str, every: int) -> None:
    for last in count(1, every):
        left = folder.with_name(f"{folder.name}-{last}")
        if folder.exists():
            shutil.copytree(folder, left)
        child = os.fork()
        if child == 0:
            _mortal(last)
            copying.ROWS = 4
            copying.work(what, ledger, left, lambda _: None)
            os._exit(0)
        if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            return


def _mortal(last: int) -> None:
    steps = count(1)
    for owner, name in STEPS:
        setattr(owner, name, _step(getattr(owner, name), steps, last))


def _step(function: Callable[..., Any], steps: Any, last: int) -> Callable[..., Any]:
    def stepped(*arguments: Any, **named: Any) -> Any:
        if next(steps) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)

    return stepped


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
