"""A whole history on a Spark master, from a process of its own.

A process of its own, because a master that does not answer makes Spark wait for minutes and not listen, and
because a session of Spark, once there, is everybody's in its process. It can be given up as a whole.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from time import monotonic, sleep
from typing import IO

import msgspec

from autotroph.adapters.spark.run import Watch
from autotroph.adapters.spark.whole import absolute, files_of
from autotroph.digest.engines.options import Options, checked
from autotroph.digest.engines.plan import Plan, plan_of
from autotroph.digest.engines.results import Digested
from autotroph.errors import InputError, LedgerError
from autotroph.spec import Spec
from autotroph.store.segments import Segments

LEAVING = 10.0
"""Seconds that Spark has to tell its cluster that it goes, before it is killed."""


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Where Spark runs.

    Attributes:
        master: as Spark names it: `local[2]`, `spark://host:7077`, `yarn`, `k8s://https://host:443`.
        segments: the URI to which the folder of the segments was copied; where it lies if empty.
        wait: seconds until an executor must have answered.
    """

    master: str
    segments: str = ""
    wait: float = 60.0


class Job(msgspec.Struct, frozen=True):
    """What the process is asked for."""

    master: str
    plan: Plan
    now: float
    options: Options
    files: dict[str, list[str]]
    through: int


class Step(msgspec.Struct, frozen=True, tag="step"):
    """Something begins, see `run.STEPS`; the first one that does says that Spark is there."""

    name: str


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It could not be done."""

    why: str


class Found(msgspec.Struct, frozen=True, tag="found"):
    """It is done."""

    digested: Digested


News = Step | Failed | Found


def whole_on(  # noqa: PLR0913 - what `whole` takes, and where
    cluster: Cluster,
    spec: Spec,
    task: str,
    segments: Segments,
    now: float,
    options: Options | None = None,
    watch: Watch = lambda _: None,
) -> Digested:
    """As `whole`, on a master of Spark.

    Args:
        cluster: where Spark runs.
        spec: the declaration.
        task: whose decisions.
        segments: of the ledger.
        now: the time at which values are final, provisional or pending.
        options: what to group by, and how sure to be.
        watch: hears each step when it begins.

    Raises:
        UnknownName: there is no such task or column.
        InputError: pyspark or Java is not installed.
        LedgerError: Spark did not come, or could not do it.
    """
    plan, options = plan_of(spec, task), absolute(checked(options))
    refuse_missing(cluster.master)
    files = files_of(plan, segments, cluster.segments)
    job = Job(cluster.master, plan, now, options, files, segments.through)
    with tempfile.TemporaryFile() as complaints:
        last, late = _asked(job, cluster.wait, complaints, watch)
        if isinstance(last, Found):
            return last.digested
        raise LedgerError(f"{cluster.master}: {_why(last, late, cluster, complaints)}")


def refuse_missing(master: str) -> None:
    """Raises InputError where pyspark or Java is not there."""
    if find_spec("pyspark") is None:
        raise InputError(
            f'the engine {master} needs pyspark, which is not installed: pip install "autotroph[spark]",'
            ' or engine = "duckdb"'
        )
    home = os.environ.get("JAVA_HOME")
    if shutil.which(str(Path(home, "bin", "java")) if home else "java") is None:
        where = f"JAVA_HOME={home} has no bin/java" if home else "there is none on the PATH"
        raise InputError(
            f'the engine {master} needs Java 17 or newer, and {where}: install it, or engine = "duckdb"'
        )


def _asked(job: Job, wait: float, complaints: IO[bytes], watch: Watch) -> tuple[News | None, bool]:
    """The last that the process said, and whether it was given up because no executor had answered."""
    command = [sys.executable, "-P", "-m", "autotroph.adapters.spark"]
    late: list[bool] = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True
    ) as process:

        def give_up() -> None:
            late.append(True)
            _end(process.pid)

        patience = Timer(wait, give_up)
        patience.start()
        try:
            last = _heard(process, job, patience, watch)
        except BaseException:
            _end(process.pid)
            raise
        finally:
            patience.cancel()
    return last, bool(late)


def _heard(process: subprocess.Popen[bytes], job: Job, patience: Timer, watch: Watch) -> News | None:
    assert process.stdin is not None  # both were asked for
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(job))
    process.stdin.close()
    last: News | None = None
    for line in process.stdout:
        last = msgspec.json.decode(line, type=News)
        if isinstance(last, Step):
            patience.cancel()
            watch(last.name)
    return last


def _end(group: int) -> None:
    """Ends the process and Spark, which it started: asked first, so that a cluster hears of it."""
    end = monotonic() + LEAVING
    try:
        os.killpg(group, signal.SIGTERM)
        while monotonic() < end:
            os.killpg(group, 0)
            sleep(0.1)
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _why(last: News | None, late: bool, cluster: Cluster, complaints: IO[bytes]) -> str:  # noqa: FBT001 - a fact
    if late:
        return (
            f"no executor of Spark answered within {cluster.wait:g} s; is the master up, does it have cores"
            " to give, and can they reach this machine? --wait gives it longer"
        )
    if isinstance(last, Failed):
        return last.why
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").strip().splitlines()
    return f"Spark ended: {lines[-1] if lines else 'no reason given'}"
