"""`python -m autotroph.digest.engines`: a `Job` on stdin, what was found on stdout; see `ledger`."""

import sys
from pathlib import Path

import adbc_driver_manager
import msgspec

from autotroph.digest.engines.ledger import Job
from autotroph.digest.engines.narrow import raws
from autotroph.digest.engines.reading import load
from autotroph.digest.engines.results import Digested
from autotroph.digest.engines.run import Run
from autotroph.digest.engines.whole import opened
from autotroph.errors import AutotrophError


def main() -> int:
    """Does the job, and leaves with 1 where it could not be done."""
    import duckdb

    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    try:
        found = work(job)
    except (AutotrophError, OSError, duckdb.Error, adbc_driver_manager.Error) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0


def work(job: Job) -> Digested:
    """Reads what is needed of the ledger, and digests it."""
    with opened(job.options) as duck:
        through = load(duck, Path(job.ledger), raws(job.plan, job.options.by))
        run = Run(duck, job.plan, job.options, job.now)
        found = run.digest(through)
        if job.options.rows:
            run.write(Path(job.options.rows))
    return found


if __name__ == "__main__":
    sys.exit(main())
