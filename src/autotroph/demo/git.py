"""Asks the git command: whatever the person has configured, it answers the same and runs nothing else."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from autotroph.demo.unwanted import decoded
from autotroph.errors import SourceError

# Every setting of the person's own that would change the output, or run a program, is overruled.
_GIT = shlex.split(
    "git --no-pager -c core.quotePath=false -c core.bigFileThreshold=300000 "
    "-c diff.suppressBlankEmpty=false -c log.showRoot=true -c protocol.allow=never"
)


def git(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    """One answer of git about a repository."""
    try:
        done = subprocess.run(
            [*_GIT, *arguments], cwd=folder, env=_environment(), capture_output=True, check=False
        )
    except FileNotFoundError as missing:
        raise no_git(folder) from missing
    if check and done.returncode:
        raise refusal(folder, done.stderr)
    return done


@contextmanager
def running(
    folder: Path, arguments: Sequence[str], stdin: IO[bytes] | int = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    """A git process to talk with. It may be left early; if it failed by itself, that is an error."""
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                [*_GIT, *arguments],
                cwd=folder,
                env=_environment(),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
        except FileNotFoundError as missing:
            raise no_git(folder) from missing
        with process:
            try:
                yield process
            except BrokenPipeError as died:
                raise refusal(folder, b"the git command died") from died
        complaints.seek(0)
        if process.returncode > 0:
            raise refusal(folder, complaints.read())


def _environment() -> dict[str, str]:
    """The caller's environment, without what would point git at another repository or at the network."""
    misleading = {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
    }
    misleading |= {
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_EXTERNAL_DIFF",
        "GIT_DIFF_OPTS",
    }
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    return kept | {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
    }


def no_git(folder: Path) -> SourceError:
    """There is a repository, and nothing to read it with."""
    return SourceError(
        f"{folder}: a git repository, but the git command is not installed; install git and try again"
    )


def refusal(folder: Path, complaint: bytes) -> SourceError:
    """What git complained about, and the way out."""
    said = complaint.decode(errors="replace").strip()
    if "dubious ownership" in said:
        allow = f"git config --global --add safe.directory {shlex.quote(str(folder))}"
        return SourceError(
            f"{folder}: git refuses a repository that belongs to another user; to trust it: {allow}"
        )
    if "not a git repository" in said:
        return SourceError(f"{folder}: not a git repository; name one, or a folder with source")
    first = next(iter(said.splitlines()), "no reason given")
    return SourceError(
        f"{folder}: git cannot read this repository ({first}); `git fsck` there says what is broken"
    )


def whole_version(process: subprocess.Popen[bytes], blob: str) -> str | None:
    """Ask a running `cat-file --batch` for a file; None where it is not there or not UTF-8."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(blob.encode() + b"\n")
    process.stdin.flush()
    answer = process.stdout.readline().split()
    if not answer:
        raise BrokenPipeError
    return decoded(process.stdout.read(int(answer[2]) + 1)[:-1]) if len(answer) == 3 else None
