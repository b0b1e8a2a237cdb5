"""A table that several queries read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def kept(session: "SparkSession", name: str, sql: str) -> Iterator[None]:
    """Keeps what a query finds under a name; what does not fit into memory goes to the executors' disks.

    `CACHE TABLE … AS` would keep the text of the query instead, and resolve it again wherever the name is
    read: with a plan as large as ours that takes longer than a small history.
    """
    frame = session.sql(sql).persist()
    frame.createOrReplaceTempView(name)
    try:
        frame.count()
        yield
    finally:
        frame.unpersist()
