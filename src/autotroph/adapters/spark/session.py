"""A session of Spark on a master, ready when an executor has answered."""

import os
from typing import TYPE_CHECKING

from autotroph.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OLDEST = 4
"""Spark 4 has the type that inputs are read as."""
LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
}
"""On this machine alone nothing listens to others, and work is not cut into parts as for a cluster."""


def started(master: str) -> "SparkSession":
    """A session on a master; it waits for an executor as long as Spark does.

    What else Spark is to know (memory, packages, credentials) stands in its own `spark-defaults.conf`.

    Raises:
        InputError: the installed Spark is too old.
    """
    import pyspark
    from pyspark.sql import SparkSession

    if int(pyspark.__version__.partition(".")[0]) < OLDEST:
        raise InputError(f"pyspark {pyspark.__version__} is too old; Spark {OLDEST} or newer is needed")
    builder = SparkSession.builder.master(master).appName("autotroph digest")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        for name, value in LOCAL.items():
            builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    session.range(1).count()
    return session
