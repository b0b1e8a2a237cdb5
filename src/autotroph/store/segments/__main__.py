"""`python -m autotroph.store.segments`: see `copying`."""

import sys
from collections.abc import Mapping
from pathlib import Path

import adbc_driver_manager
import msgspec

from autotroph.errors import LedgerError
from autotroph.store.segments.copying import work


def main(what: str, ledger: str, folder: str) -> int:
    """Does the work, and leaves with 1 where it could not be done."""
    import duckdb

    try:
        work(what, Path(ledger), Path(folder), _tell)
    except (LedgerError, OSError, duckdb.Error, adbc_driver_manager.Error) as error:
        _tell({"error": str(error)})
        return 1
    return 0


def _tell(news: Mapping[str, object]) -> None:
    sys.stdout.write(f"{msgspec.json.encode(news).decode()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
