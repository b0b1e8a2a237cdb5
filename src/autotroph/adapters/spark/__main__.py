"""`python -m autotroph.adapters.spark`: a `Job` on stdin, news of it on stdout; see `cluster`."""

import os
import sys
from collections.abc import Callable

import msgspec

from autotroph.adapters.spark.cluster import Failed, Found, Job, News, Step
from autotroph.adapters.spark.run import Run
from autotroph.adapters.spark.session import started
from autotroph.errors import AutotrophError


def main() -> int:
    """Does the job, and leaves with 1 where it could not be done."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    job, tell = msgspec.json.decode(sys.stdin.buffer.read(), type=Job), _teller()
    try:
        session = started(job.master)
        run = Run(session, job.plan, job.options, job.now, lambda name: tell(Step(name)))
        tell(Found(run.digest(job.files, job.through)))
        session.stop()
    except (AutotrophError, OSError, PySparkException, Py4JError) as error:
        tell(Failed(_said(str(error))))
        return 1
    return 0


def _teller() -> Callable[[News], None]:
    """Tells on what is stdout now; from here on, what Spark writes there goes to stderr."""
    told = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def tell(news: News) -> None:
        told.write(msgspec.json.encode(news) + b"\n")

    return tell


def _said(error: str) -> str:
    """What Spark says first, without where it was in its own code."""
    lines = [line.strip(" :") for line in error.splitlines() if line.strip(" :")]
    said = [line for line in lines if not line.startswith(("An error occurred while calling", "at ", "JVM "))]
    return (said or lines or ["no reason given"])[0][:500]


if __name__ == "__main__":
    sys.exit(main())
