"""A whole history straight from the ledger file, without segments: in a process of its own.

It reads through a second SQLite library, which must not open the file in a process that holds it (see
`store.segments.source`). What it found comes back as JSON, rows as a Parquet file.
"""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec

from autotroph.digest.engines.job import Job
from autotroph.digest.engines.narrow import raws
from autotroph.digest.engines.options import Options, checked
from autotroph.digest.engines.plan import plan_of
from autotroph.digest.engines.results import Digested
from autotroph.errors import LedgerError
from autotroph.spec import Spec
from autotroph.store import open_reader


def whole_ledger(spec: Spec, task: str, ledger: Path, now: float, options: Options | None = None) -> Digested:
    """As `whole`, from the rows of a ledger, while others write to it.

    Raises:
        UnknownName: there is no such task or column.
        LedgerError: it could not be read.
    """
    plan, options = plan_of(spec, task), checked(options)
    asked = msgspec.Raw(msgspec.json.encode(plan))
    job = Job(str(ledger), raws(plan, options.by, ids=bool(options.rows)), options, asked, now)
    command = [sys.executable, "-P", "-m", "autotroph.digest.engines"]
    # Held open all the while, so that the other library is never the last to close the file.
    with closing(open_reader(ledger)):
        done = subprocess.run(command, input=msgspec.json.encode(job), capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines else f"the process ended with {done.returncode}"
        raise LedgerError(f"{ledger}: it could not be digested: {why}")
    return msgspec.json.decode(done.stdout, type=Digested)
