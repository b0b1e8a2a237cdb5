"""`python -m autotroph.digest.engines`: a `Job` on stdin, what was found on stdout; see `ledger`."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import adbc_driver_manager
import msgspec

from autotroph.digest.engines.job import Job
from autotroph.digest.engines.opening import opened
from autotroph.digest.engines.reading import load
from autotroph.errors import AutotrophError

if TYPE_CHECKING:
    from autotroph.digest.engines.results import Digested


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


def work(job: Job) -> "Digested":
    """Reads what is needed of the ledger, and digests it."""
    with opened(job.options) as duck, ThreadPoolExecutor(1) as apart:
        loading = apart.submit(load, duck, Path(job.ledger), job.raws)
        from autotroph.digest.engines.plan import Plan  # meanwhile: these take long to import
        from autotroph.digest.engines.run import Run

        run = Run(duck.cursor(), msgspec.json.decode(job.plan, type=Plan), job.options, job.now)
        found = run.digest(loading.result())
        if job.options.rows:
            run.write(Path(job.options.rows))
    return found


if __name__ == "__main__":
    sys.exit(main())
