"""What people really wrote, in the order in which they wrote it.

A history is a row of commits, oldest first. From a git repository it is every mainline commit with its
merges unfolded; from a folder, or from the installed dependencies, one file counts as one commit. Only added
lines are held in memory; whole versions of files are read when somebody asks for them.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from importlib import metadata
from itertools import accumulate, islice, zip_longest
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
        """A function from a change to the file's whole new version; None where that is not UTF-8."""
        if self.repository is None:
            yield lambda change: change.hunks[0].text
            return
        with _running(self.repository, ["cat-file", "--batch"]) as process:
            yield partial(_whole_version, process)


def open_history(path: Path | None, seed: int = 0) -> History:
    """The history of a repository or a folder; without a path, of the installed dependencies."""
    if path is None:
        return read_installed(seed)
    folder = _existing_folder(path)
    return read_repository(folder) if _has_history(folder) else read_folder(folder, seed)


# ---------------------------------------- git repositories

# Every setting of the person's own that would change the output, or run a program, is overruled.
_GIT = shlex.split(
    "git --no-pager -c core.quotePath=false -c core.bigFileThreshold=300000 "
    "-c diff.suppressBlankEmpty=false -c log.showRoot=true -c protocol.allow=never"
)
_LOG = shlex.split(
    "log --topo-order --no-merges --patch --unified=2 --inter-hunk-context=0 --find-renames -l400 "
    "--full-index --diff-algorithm=myers --no-color --no-ext-diff --no-textconv --no-show-signature "
    "--no-notes --no-mailmap --submodule=short --src-prefix=a/ --dst-prefix=b/ --encoding=UTF-8 "
    f"--format=%x00%H%x00%ae%x00%ct -O{os.devnull}"
)


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
        if gathered.room < 0:
            process.terminate()
    replayed = gathered.history()
    skipped = dict(gathered.skipped + _opaque_reasons(folder, gathered.opaque))
    notes = tuple(_notes(folder, where, len(gathered.commits)))
    return _enough(History(folder.name or "repository", "git", replayed, skipped, notes, folder), folder)


def _existing_folder(path: Path) -> Path:
    try:
        folder = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as trouble:
        raise SourceError(
            f"{str(path)!r}: no such folder; name a folder with source or a git repository"
        ) from trouble
    if not folder.is_dir():
        raise SourceError(
            f"{folder}: a file, not a folder; name the folder or the git repository it belongs to"
        )
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
        folder,
        "for-each-ref",
        "--sort=-committerdate",
        "--format=%(objectname)",
        "refs/heads",
        "refs/remotes",
    )
    if not branches.stdout.strip():
        raise SourceError(
            f"{folder}: a git repository without commits; commit something, or name another one"
        )
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
        done = subprocess.run(
            [*_GIT, *arguments], cwd=folder, env=_environment(), capture_output=True, check=False
        )
    except FileNotFoundError as missing:
        raise _no_git(folder) from missing
    if check and done.returncode:
        raise _refusal(folder, done.stderr)
    return done


@contextmanager
def _running(
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
            raise _no_git(folder) from missing
        with process:
            try:
                yield process
            except BrokenPipeError as died:
                raise _refusal(folder, b"the git command died") from died
        complaints.seek(0)
        if process.returncode > 0:
            raise _refusal(folder, complaints.read())


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


def _no_git(folder: Path) -> SourceError:
    return SourceError(
        f"{folder}: a git repository, but the git command is not installed; install git and try again"
    )


def _refusal(folder: Path, complaint: bytes) -> SourceError:
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
    while (old > 0 or new > 0) and (line := next(lines, b"")):
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


_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def _unquoted(name: bytes) -> bytes:
    r"""A path as git prints it after `+++ `, without the quotes and the side's letter.

    >>> _unquoted(rb'"b/a\tb\303\251"').decode()
    'a\tbé'
    """
    if name.startswith(b'"'):
        name = re.sub(rb"\\([0-7]{3}|.)", lambda found: _unescaped(found[1]), name[1:-1])
    return name.removeprefix(b"b/")


def _unescaped(escape: bytes) -> bytes:
    return bytes([int(escape, 8)]) if len(escape) == 3 else _ESCAPES.get(escape, escape)


@dataclass(slots=True)
class _Gathered:
    """Commits as they come, newest first, until there is no more room; and what was skipped on the way."""

    room: int
    commits: list[tuple[_Header, list[Change]]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    opaque: list[str] = field(default_factory=list)
    generated: set[str] = field(default_factory=set)

    def take_all(self, records: Iterable[_Header | _Patch]) -> None:
        """Take records until one does not fit."""
        for record in records:
            if isinstance(record, _Header):
                self.commits.append((record, []))
            elif not self._take(record):
                break
        if self.room < 0 and not self.commits[-1][1]:
            self.commits.pop()

    def _take(self, patch: _Patch) -> bool:
        if patch.opaque:
            self.opaque.append(patch.blob)
        if not patch.hunks:
            return True
        change = _change(patch)
        if isinstance(change, str):
            self.skipped[change] += 1
            return True
        self.room -= _size(change)
        if self.room >= 0:
            self.commits[-1][1].append(change)
            self.generated.update([change.path] if _is_generated(change) else [])
        return self.room >= 0

    def history(self) -> tuple[Commit, ...]:
        """The commits, oldest first, in a time that never runs backwards; what is generated is left out."""
        oldest_first = self.commits[::-1]
        times = accumulate((header.at for header, _ in oldest_first), max)
        commits = [
            Commit(header.id, header.author, at, tuple(self._written(changes)))
            for (header, changes), at in zip(oldest_first, times, strict=True)
        ]
        return tuple(commit for commit in commits if commit.changes)

    def _written(self, changes: Iterable[Change]) -> Iterator[Change]:
        for change in changes:
            if change.path in self.generated:
                self.skipped["generated"] += 1
            else:
                yield change


def _change(patch: _Patch) -> Change | str:
    """What a patch added, or the reason to skip it."""
    path = patch.path.decode(errors="backslashreplace")
    reason = _MODES.get(patch.mode[:3]) or _unwanted(path)
    if reason:
        return reason
    try:
        hunks = tuple(_hunk(start, lead, run) for start, lead, run in patch.hunks)
    except UnicodeDecodeError:
        return "not UTF-8"
    return _unclean("\n".join(hunk.text for hunk in hunks)) or Change(path, patch.blob, hunks)


def _hunk(start: int, lead: tuple[bytes, ...], run: bytes) -> Hunk:
    return Hunk(start, tuple(line.decode().rstrip("\n") for line in lead), run.decode().removesuffix("\n"))


def _opaque_reasons(folder: Path, blobs: Sequence[str]) -> Counter[str]:
    """Why git showed no lines: the file is too large, or binary."""
    if not blobs:
        return Counter()
    with tempfile.TemporaryFile() as names:
        names.write("\n".join(blobs).encode())
        names.seek(0)
        with _running(folder, ["cat-file", "--batch-check=%(objectsize)"], names) as process:
            assert process.stdout is not None
            sizes = [int(line) if line.strip().isdigit() else 0 for line in process.stdout]
    return Counter("too large" if size > FILE_BYTES else "binary" for size in sizes)


def _whole_version(process: subprocess.Popen[bytes], change: Change) -> str | None:
    """Ask a running `cat-file --batch` for a file; None where it is not there or not UTF-8."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(change.blob.encode() + b"\n")
    process.stdin.flush()
    answer = process.stdout.readline().split()
    if not answer:
        raise BrokenPipeError
    return _clean(process.stdout.read(int(answer[2]) + 1)[:-1]) if len(answer) == 3 else None


# ---------------------------------------- folders and dependencies


def read_folder(path: Path, seed: int = 0, files: int = 600, characters: int = 6_000_000) -> History:
    """Read a folder without a history: one file counts as one commit, in the order of paths."""
    folder = _existing_folder(path)
    walked = [
        (file, f"{file.relative_to(folder).as_posix()}") for file in islice(_walk(folder), _WALKED_FILES)
    ]
    skipped: Counter[str] = Counter()
    found = _readable({folder.name: walked}, seed, skipped)
    commits = _one_file_a_commit(_within(found, files, characters))
    notes = (*_ONE_FILE_NOTE, *_folder_notes(len(walked), len(commits)))
    return _enough(History(folder.name or "folder", "folder", commits, dict(skipped), notes), folder)


def _folder_notes(walked: int, taken: int) -> Iterator[str]:
    if walked == _WALKED_FILES:
        yield f"only the first {_WALKED_FILES:,} files were looked at"
    if walked > taken:
        yield f"{walked:,} files: {taken:,} are replayed"


def _walk(folder: Path) -> Iterator[Path]:
    """Files in the order of their paths; links and hidden folders are not followed."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not _folder_reason(name))
        for name in sorted(names):
            file = Path(parent, name)
            if not name.startswith(".") and file.is_file() and not file.is_symlink():
                yield file


def read_installed(seed: int = 0, files: int = 600, characters: int = 6_000_000) -> History:
    """Read the source of the installed dependencies: every one is represented, one file counts as one commit.

    The choice of files depends on `seed` and on what is installed, on nothing else.
    """
    recorded = {name: sorted(_recorded(name)) for name in _dependencies()}
    skipped: Counter[str] = Counter()
    found = _readable(recorded, seed, skipped)
    commits = _one_file_a_commit(_within(found, files, characters))
    total = sum(len(some) for some in recorded.values())
    notes = (*_ONE_FILE_NOTE, f"{total:,} files of {', '.join(recorded)}: {len(commits):,} are replayed")
    return _enough(
        History("installed dependencies", "installed", commits, dict(skipped), notes), Path(sys.prefix)
    )


_ONE_FILE_NOTE = ("one file counts as one commit; times and order are synthetic",)


def _dependencies() -> list[str]:
    """The installed distributions that autotroph needs at run time, and those that they need."""
    waiting, known = ["autotroph"], {"autotroph"}
    while waiting:
        needed = [_canonical(name) for name in _requirements(waiting.pop())]
        fresh = [name for name in dict.fromkeys(needed) if name not in known]
        waiting += fresh
        known.update(fresh)
    return sorted(name for name in known - {"autotroph"} if _installed(name))


def _requirements(name: str) -> list[str]:
    try:
        required = metadata.requires(name)
    except metadata.PackageNotFoundError:
        return list(_DEPENDENCIES) if name == "autotroph" else []
    wanted = [line for line in required or [] if "extra" not in line.partition(";")[2]]
    return [found[0] for line in wanted if (found := re.match(r"[\w.-]+", line))]


def _canonical(name: str) -> str:
    """A distribution's name as packaging compares it.

    >>> _canonical("Markdown_it.py")
    'markdown-it-py'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _recorded(name: str) -> Iterator[tuple[Path, str]]:
    """A distribution's own Python files: where they are, and their paths as it records them."""
    distribution = metadata.distribution(name)
    for file in distribution.files or []:
        if file.suffix in {".py", ".pyi"} and ".." not in file.parts and not _is_test(file):
            yield Path(str(distribution.locate_file(file))), file.as_posix()


def _is_test(path: PurePosixPath) -> bool:
    named = path.name.startswith("test_") or path.name.endswith("_test.py") or path.name == "conftest.py"
    return named or bool({"test", "tests", "_tests", "testing"} & set(path.parts))


def _readable(
    groups: Mapping[str, Sequence[tuple[Path, str]]], seed: int, skipped: Counter[str]
) -> Iterator[tuple[str, str, str]]:
    """Group, path and text of file after file, the groups taking turns in a shuffled order of files."""
    shuffled = [
        [
            (group, file, path)
            for file, path in sorted(some, key=lambda one: _digest(f"{seed}:{one[1]}".encode()))
        ]
        for group, some in sorted(groups.items())
    ]
    for turn in zip_longest(*shuffled):
        for group, file, path in filter(None, turn):
            text, reason = _file_text(file, path)
            if reason:
                skipped[reason] += 1
            else:
                yield group, path, text


def _file_text(file: Path, path: str) -> tuple[str, str]:
    """A file's text, or the reason to skip it."""
    if reason := _unwanted(path):
        return "", reason
    try:
        if file.stat().st_size > FILE_BYTES:
            return "", "too large"
        content = file.read_bytes()
    except OSError:
        return "", "unreadable"
    if b"\0" in content:
        return "", "binary"
    text = _clean(content)
    if text is None:
        return "", "not UTF-8"
    text = text.removesuffix("\n")
    whole = Change(path, "", (Hunk(0, (), text),))
    return text, _unclean(text) or ("generated" if _is_generated(whole) else "" if text.strip() else "empty")


def _within(found: Iterable[tuple[str, str, str]], files: int, characters: int) -> list[tuple[str, str, str]]:
    """The files that fit, in the order of group and path."""
    taken: list[tuple[str, str, str]] = []
    for one in found:
        characters -= len(one[2])
        if characters < 0 or len(taken) == files:
            break
        taken.append(one)
    return sorted(taken)


def _one_file_a_commit(files: Sequence[tuple[str, str, str]]) -> tuple[Commit, ...]:
    """Each file as a commit that adds it whole, one an hour."""
    return tuple(
        Commit(
            id=_digest(f"{group}\0{path}\0{text}".encode(), size=20),
            author=group,
            at=_FIRST_HOUR + 3600.0 * hour,
            changes=(Change(path, "", (Hunk(0, (), text),)),),
        )
        for hour, (group, path, text) in enumerate(files)
    )


def base_corpus(characters: int = 12_000_000) -> Iterator[str]:
    """The texts of this interpreter's standard library, in the order of their paths, as far as they fit."""
    library = Path(sysconfig.get_path("stdlib"))
    for file in _walk(library):
        path = file.relative_to(library)
        if file.suffix != ".py" or _is_test(PurePosixPath(path)) or not _FOREIGN.isdisjoint(path.parts):
            continue
        text, reason = _file_text(file, path.as_posix())
        characters -= len(text)
        if characters < 0:
            return
        if not reason:
            yield text


_FOREIGN = {"site-packages", "dist-packages", "idlelib", "lib2to3", "ensurepip", "turtledemo", "pydoc_data"}

# ---------------------------------------- what is not a person's text

_MODES = {b"120": "symbolic link", b"160": "submodule"}
_VENDORED = re.compile(
    r"node_modules|bower_components|vendors?|_?vendored|_vendor|third[-_]?party|3rdparty|externs?|externals"
    r"|(site|dist)-packages|\.?venv",
    re.IGNORECASE,
)
_BUILT = re.compile(r"dist|__pycache__|__snapshots__", re.IGNORECASE)
_LOCK = re.compile(
    r".*\.lock|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|go\.sum|bun\.lockb|gradle\.lockfile",
    re.IGNORECASE,
)
_DATA = re.compile(
    r"\.(json\w?|ndjson|geojson|ipynb|csv|tsv|svg|map|snap|pot?|patch|diff|pem|crt|key|asc|bdf|obj|stl|srt"
    r"|golden|log)",
    re.IGNORECASE,
)
_MADE = re.compile(
    r"\.min\.\w+$|[.-]bundle\.js$|_pb2(_grpc)?\.pyi?$|\.pb\.(go|cc|h)$|\.g\.dart$|\.designer\.cs$"
    r"|(^|/)(configure|aclocal\.m4|ltmain\.sh|config\.(guess|sub)|Makefile\.in)$"
)
_SIGNED = re.compile(
    r"@generated|code generated .*do not edit|(this file|automatically|auto-?) ?(is|was)? ?generated"
    r"|generated automatically|bison parser, made by|lexical scanner generated by|yy_int_aligned",
    re.IGNORECASE,
)
_LONG_LINE = re.compile(rf"[^\n]{{{LINE_CHARACTERS + 1}}}")


def _unwanted(path: str) -> str:
    """Why a file of this name is not read; nothing where it is.

    >>> _unwanted("web/node_modules/x/index.js"), _unwanted("src/main.rs")
    ('vendored', '')
    """
    place = PurePosixPath(path)
    for folder in place.parts[:-1]:
        if reason := _folder_reason(folder):
            return reason
    if _LOCK.fullmatch(place.name):
        return "lock file"
    if _DATA.fullmatch(place.suffix):
        return "data"
    return "generated" if _MADE.search(path) else ""


def _folder_reason(name: str) -> str:
    if _VENDORED.fullmatch(name):
        return "vendored"
    return "generated" if _BUILT.fullmatch(name) else ""


def _clean(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _unclean(text: str) -> str:
    """Why a text is not what a person types; nothing where it is."""
    if "\0" in text:
        return "binary"
    return "minified" if _LONG_LINE.search(text) else ""


def _is_generated(change: Change) -> bool:
    """Whether the first lines say that a program wrote the file; prose may speak of programs that do."""
    first = change.hunks[0]
    if first.start or change.path.endswith((".md", ".rst", ".gitignore", ".gitattributes")):
        return False
    return bool(_SIGNED.search("\n".join(first.text[:2_000].split("\n")[:6])))


def _size(change: Change) -> int:
    return sum(len(hunk.text) for hunk in change.hunks)


def _enough(history: History, folder: Path) -> History:
    """The history, if there is anything to learn in it."""
    lines = sum(len(span) for commit in history.commits for change in commit.changes for span in change.added)
    if lines >= ENOUGH_LINES:
        return history
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in sorted(history.skipped.items()))
    raise SourceError(
        f"{folder}: {lines} lines of source, {ENOUGH_LINES} are needed"
        f" (files skipped: {skipped or 'none'}); name a folder or repository with more source"
    )


def _digest(content: bytes, size: int = 8) -> str:
    return blake2b(content, digest_size=size).hexdigest()
