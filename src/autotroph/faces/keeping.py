"""Small files beside a ledger: whole or not there at all, whoever reads or kills in between."""

import os
from pathlib import Path

from autotroph.store.opening import make_folder


def keep(path: Path, content: bytes) -> None:
    """Put content in place of a file, as a whole, on disk when this returns; its folder is made.

    Raises:
        OSError: it cannot be written; what was there before is there still.
    """
    make_folder(path.parent)
    begun = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with begun.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        begun.replace(path)
    except OSError:
        begun.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
