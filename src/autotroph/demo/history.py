"""What people really wrote, in the order in which they wrote it.

A history is a row of commits, oldest first. From a git repository it is every mainline commit with its merges
unfolded; from a folder, or from the installed dependencies, one file counts as one commit. Only added lines are
held in memory; whole versions of files are read when somebody asks for them.
"""

import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from importlib import metadata
from itertools import accumulate, zip_longest
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from autotroph.errors import SourceError

ENOUGH_LINES = 20  # fewer added lines than this teach nothing and prove nothing
FILE_BYTES = 300_000
LINE_CHARACTERS = 1_000

_LEAD = 2  # lines of context that are learned together with an added hunk
_FIRST_HOUR = 1_735_689_600.0  # 2025-01-01T00:00Z: where synthetic time begins
_WALKED_FILES = 50_000
_DEPENDENCIES = ("apsw", "click", "msgspec", "numpy", "rich", "sqlglot")


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines added in one place: the 0-based number of the first, the lines just before it, and the lines."""

    start: int
    lead: tuple[str, ...]
    text: str

    @property
    def lines(self) -> list[str]:
        r"""The added lines.

        >>> Hunk(0, (), "one\ntwo").lines
        ['one', 'two']
        """
        return self.text.split("\n")


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit added to one file; `blob` names the file's whole new version."""

    path: str
    blob: str
    hunks: tuple[Hunk, ...]

    @property
    def added(self) -> tuple[range, ...]:
        """The 0-based numbers of the added lines, in the new version."""
        return tuple(range(hunk.start, hunk.start + hunk.text.count("\n") + 1) for hunk in self.hunks)


@dataclass(frozen=True, slots=True)
class Commit:
    """One step of a history. `author` is a pseudonym; `at` never runs backwards."""

    id: str
    author: str
    at: float
    changes: tuple[Change, ...]


Read = Callable[[Change], str | None]


@dataclass(frozen=True, slots=True)
class History:
    """What can be replayed, and what was left out: `skipped` counts file versions by reason."""

    name: str
    kind: Literal["git", "installed", "folder"]
    commits: tuple[Commit, ...]
    skipped: Mapping[str, int]
    notes: tuple[str, ...] = ()
    repository: Path | None = None

    @property
    def python_share(self) -> float:
        """The share of the added characters that stands in Python files."""
        sizes = [(change.path, _size(change)) for commit in self.commits for change in commit.changes]
        python = sum(size for path, size in sizes if path.endswith((".py", ".pyi")))
        return python / max(1, sum(size for _, size in sizes))

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """A function from a change to the file's whole new version; None where it is no clean text."""
        if self.repository is None:
            yield lambda change: change.hunks[0].text
            return
        with _running(self.repository, ["cat-file", "--batch"], feed=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            yield partial(_whole_version, process.stdin, process.stdout)


def open_history(path: Path | None, seed: int = 0) -> History:
    """The history of a repository or a folder; without a path, of the installed dependencies."""
    if path is None:
        return read_installed(seed)
    folder = _existing_folder(path)
    return read_repository(folder) if _has_history(folder) else read_folder(folder, seed)


# ------------------------------------------------------------------------------------------ git repositories

# Every setting of the person's own that would change the output, or run a program, is overruled.
_GIT = (
    "git --no-pager -c core.quotePath=false -c core.bigFileThreshold=300000 -c diff.orderFile= "
    "-c diff.suppressBlankEmpty=false -c log.showRoot=true -c protocol.allow=never"
).split()
_LOG = (
    "log --topo-order --no-merges --patch --unified=2 --inter-hunk-context=0 --find-renames -l400 --full-index "
    "--diff-algorithm=myers --no-color --no-ext-diff --no-textconv --no-show-signature --no-notes --no-mailmap "
    "--submodule=short --src-prefix=a/ --dst-prefix=b/ --encoding=UTF-8 --format=%x00%H%x00%ae%x00%ct"
).split()


def read_repository(path: Path, characters: int = 24_000_000, commits: int = 20_000) -> History:
    """Read a git repository, worktree or bare: the newest commits whose added text fits, oldest first.

    In a folder inside a repository, only what happened in that folder is read.
    """
    folder = _existing_folder(path)
    where = [_default_revision(folder), *_narrowed(folder)]
    gathered = _Gathered(room=characters)
    with _running(folder, [*_LOG, f"--max-count={commits}", *where]) as process:
        assert process.stdout is not None
        gathered.take_all(_records(iter(process.stdout)))
    skipped = gathered.skipped + _opaque_reasons(folder, gathered.opaque)
    notes = tuple(_notes(folder, where, gathered.seen))
    return _enough(History(folder.name or "repository", "git", gathered.history(), skipped, notes, folder), folder)


def _existing_folder(path: Path) -> Path:
    try:
        folder = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as trouble:
        raise SourceError(f"{str(path)!r}: no such folder; name a folder with source or a git repository") from trouble
    if not folder.is_dir():
        raise SourceError(f"{folder}: a file, not a folder; name the folder or the git repository it belongs to")
    return folder


def _has_history(folder: Path) -> bool:
    """Whether git keeps files of this folder; a refusal to say (ownership) is an error, not a no."""
    if shutil.which("git") is None:
        if any((above / ".git").exists() for above in (folder, *folder.parents)):
            raise _no_git(folder)
        return False
    known = _git(folder, "rev-parse", "--is-inside-work-tree", check=False)
    if known.returncode:
        if b"not a git repository" in known.stderr:
            return False
        raise _refusal(folder, known.stderr)
    if not _narrowed(folder)[1:]:
        return True
    tracked = _git(folder, "ls-tree", "-z", "--name-only", _default_revision(folder), check=False)
    return bool(tracked.stdout)


def _default_revision(folder: Path) -> str:
    """The commit that HEAD names; where HEAD names none yet, the newest branch."""
    head = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False)
    if head.returncode == 0:
        return head.stdout.decode().strip()
    _git(folder, "rev-parse", "--git-dir")
    branches = _git(
        folder, "for-each-ref", "--sort=-committerdate", "--format=%(objectname)", "refs/heads", "refs/remotes"
    )
    if not branches.stdout.strip():
        raise SourceError(f"{folder}: a git repository without commits; commit something, or name another one")
    return branches.stdout.decode().split()[0]


def _narrowed(folder: Path) -> list[str]:
    """What follows the revision: nothing at the top of a repository, else the limits to the folder."""
    prefix = _git(folder, "rev-parse", "--show-prefix").stdout.rstrip(b"\n")
    return ["--full-history", "--relative", "--", "."] if prefix else ["--"]


def _notes(folder: Path, where: Sequence[str], seen: int) -> Iterator[str]:
    arguments = [word for word in where if word != "--relative"]
    total = int(_git(folder, "rev-list", "--count", "--no-merges", *arguments).stdout)
    if total > seen:
        yield f"{total:,} commits: the newest {seen:,} are replayed"
    if _git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        yield "a shallow clone: what is older than its first commits counts as written in them"


def _git(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    try:
        done = subprocess.run([*_GIT, *arguments], cwd=folder, env=_environment(), capture_output=True, check=False)
    except FileNotFoundError as missing:
        raise _no_git(folder) from missing
    if check and done.returncode:
        raise _refusal(folder, done.stderr)
    return done


@contextmanager
def _running(folder: Path, arguments: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A git process to talk with. It may be left early; if it failed by itself, that is an error."""
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                [*_GIT, *arguments],
                cwd=folder,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
        except FileNotFoundError as missing:
            raise _no_git(folder) from missing
        with process:
            try:
                yield process
            finally:
                process.terminate()
        complaints.seek(0)
        if process.returncode > 0:
            raise _refusal(folder, complaints.read())


def _environment() -> dict[str, str]:
    """The caller's environment, without what would point git at another repository or at the network."""
    misleading = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE"}
    misleading |= {"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"}
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    return kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}


def _no_git(folder: Path) -> SourceError:
    return SourceError(f"{folder}: a git repository, but the git command is not installed; install git and try again")


def _refusal(folder: Path, complaint: bytes) -> SourceError:
    said = complaint.decode(errors="replace").strip()
    if "dubious ownership" in said:
        allow = f"git config --global --add safe.directory {shlex.quote(str(folder))}"
        return SourceError(f"{folder}: git refuses a repository that belongs to another user; to trust it: {allow}")
    if "not a git repository" in said:
        return SourceError(f"{folder}: not a git repository; name one, or a folder with source")
    first = next(iter(said.splitlines()), "no reason given")
    return SourceError(f"{folder}: git cannot read this repository ({first}); `git fsck` there says what is broken")


@dataclass(slots=True)
class _Header:
    """The first line of a commit in the stream."""

    id: str
    author: str
    at: float


@dataclass(slots=True)
class _Patch:
    """What the stream says about one file of a commit, still in bytes."""

    path: bytes = b""
    blob: str = ""
    mode: bytes = b""
    opaque: bool = False
    hunks: list[tuple[int, tuple[bytes, ...], bytes]] = field(default_factory=list)

    def take(self, line: bytes, rest: Iterator[bytes]) -> None:
        """Take one line of the patch, and the hunk that it may open."""
        if line.startswith(b"@@ "):
            self.hunks.extend(_hunks(line, rest))
        elif line.startswith(b"+++ "):
            self.path = _unquoted(line[4:].rstrip(b"\n").removesuffix(b"\t"))
        elif line.startswith(b"index "):
            span, _, mode = line[6:].strip().partition(b" ")
            self.blob, self.mode = span.split(b"..")[1].decode(), mode or self.mode
        elif line.startswith((b"new file mode ", b"new mode ")):
            self.mode = line.split()[-1]
        elif line.startswith(b"Binary files "):
            self.opaque = not line.endswith(b" and /dev/null differ\n")


def _records(lines: Iterator[bytes]) -> Iterator[_Header | _Patch]:
    """Cut git's stream into headers of commits and patches of files."""
    patch: _Patch | None = None
    for line in lines:
        header = line.startswith(b"\0")
        if header or line.startswith(b"diff --git "):
            if patch is not None:
                yield patch
            patch = None if header else _Patch()
        if header:
            yield _header(line)
        elif patch is not None:
            patch.take(line, lines)
    if patch is not None:
        yield patch


def _header(line: bytes) -> _Header:
    _, name, author, at = line.rstrip(b"\n").split(b"\0")
    return _Header(name.decode(), _digest(author.lower(), size=6), float(at or 0))


def _hunks(opening: bytes, lines: Iterator[bytes]) -> Iterator[tuple[int, tuple[bytes, ...], bytes]]:
    """The runs of added lines in one hunk. Lines are counted off, so no content can pass for a header."""
    old, first, new = _spans(opening)
    lead: list[bytes] = []
    run: list[bytes] = []
    number = first
    while old > 0 or new > 0:
        line = next(lines, b"\\")
        tag, content = line[:1], line[1:]
        if tag == b"+":
            run.append(content)
        elif tag == b" " and run:
            yield number - len(run), tuple(lead), b"".join(run)
            lead, run = [], []
        if tag == b" ":
            lead = [*lead, content][-_LEAD:]
        old, new, number = old - (tag in b" -"), new - (tag in b" +"), number + (tag in b" +")
    if run:
        yield number - len(run), tuple(lead), b"".join(run)


def _spans(opening: bytes) -> tuple[int, int, int]:
    """The old side's length, the new side's first line from 0, and the new side's length.

    >>> _spans(b"@@ -3 +7,2 @@ def f():")
    (1, 6, 2)
    """
    old, new = opening.split(b" ", 3)[1:3]
    first, _, length = new.partition(b",")
    return int(old.partition(b",")[2] or 1), max(0, int(first) - 1), int(length or 1)
