"""A DuckDB to digest in."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autotroph.digest.engines.options import Options

if TYPE_CHECKING:
    import duckdb


@contextmanager
def opened(options: Options) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A DuckDB without a file, held to options."""
    import duckdb  # imported when used: it is large

    with tempfile.TemporaryDirectory(prefix="digest-") as scratch:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": options.threads or os.cpu_count() or 1,
            "memory_limit": options.memory,
            "temp_directory": scratch,
            "preserve_insertion_order": False,
        }
        with duckdb.connect(config=config) as duck:
            duck.execute("SET enable_progress_bar = false")
            # Nearly every row finds its own, so that looking first whether it will is in vain.
            duck.execute("SET disabled_optimizers = 'join_filter_pushdown'")
            yield duck
