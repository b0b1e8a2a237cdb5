"""The history of a git repository: every mainline commit with its merges unfolded, oldest first."""

import os
import shlex
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from autotroph.demo.commits import Change, Commit, History, Hunk, enough
from autotroph.demo.folder import existing_folder
from autotroph.demo.git import git, no_git, refusal, running
from autotroph.demo.patches import Header, Patch, records
from autotroph.demo.unwanted import FILE_BYTES, MODES, is_generated, unclean, unwanted
from autotroph.errors import SourceError

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
    folder = existing_folder(path)
    where = [_default_revision(folder), *_narrowed(folder)]
    gathered = _Gathered(room=characters)
    with running(folder, [*_LOG, f"--max-count={commits}", *where]) as process:
        assert process.stdout is not None
        gathered.take_all(records(iter(process.stdout)))
        if gathered.room < 0:
            process.terminate()
    replayed = gathered.history()
    skipped = dict(gathered.skipped + _opaque_reasons(folder, gathered.opaque))
    notes = tuple(_notes(folder, where, len(gathered.commits)))
    return enough(History(folder.name or "repository", "git", replayed, skipped, notes, folder), folder)


def has_history(folder: Path) -> bool:
    """Whether git keeps files of this folder; a refusal to say (ownership) is an error, not a no."""
    if shutil.which("git") is None:
        if any((above / ".git").exists() for above in (folder, *folder.parents)):
            raise no_git(folder)
        return False
    known = git(folder, "rev-parse", "--is-inside-work-tree", check=False)
    if known.returncode:
        if b"not a git repository" in known.stderr:
            return False
        raise refusal(folder, known.stderr)
    if not _narrowed(folder)[1:]:
        return True
    tracked = git(folder, "ls-tree", "-z", "--name-only", _default_revision(folder), check=False)
    return bool(tracked.stdout)


def _default_revision(folder: Path) -> str:
    """The commit that HEAD names; where HEAD names none yet, the newest branch."""
    head = git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False)
    if head.returncode == 0:
        return head.stdout.decode().strip()
    git(folder, "rev-parse", "--git-dir")
    branches = git(
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
    prefix = git(folder, "rev-parse", "--show-prefix").stdout.rstrip(b"\n")
    return ["--full-history", "--relative", "--", "."] if prefix else ["--"]


def _notes(folder: Path, where: Sequence[str], seen: int) -> Iterator[str]:
    arguments = [word for word in where if word != "--relative"]
    total = int(git(folder, "rev-list", "--count", "--no-merges", *arguments).stdout)
    if total > seen:
        yield f"{total:,} commits: the newest {seen:,} are replayed"
    if git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        yield "a shallow clone: what is older than its first commits counts as written in them"


@dataclass(slots=True)
class _Gathered:
    """Commits as they come, newest first, until there is no more room; and what was skipped on the way."""

    room: int
    commits: list[tuple[Header, list[Change]]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    opaque: list[str] = field(default_factory=list)
    generated: set[str] = field(default_factory=set)

    def take_all(self, records: Iterable[Header | Patch]) -> None:
        """Take records until one does not fit."""
        for record in records:
            if isinstance(record, Header):
                self.commits.append((record, []))
            elif not self._take(record):
                break
        if self.room < 0 and not self.commits[-1][1]:
            self.commits.pop()

    def _take(self, patch: Patch) -> bool:
        if patch.opaque:
            self.opaque.append(patch.blob)
        if not patch.hunks:
            return True
        change = _change(patch)
        if isinstance(change, str):
            self.skipped[change] += 1
            return True
        self.room -= change.characters
        if self.room >= 0:
            self.commits[-1][1].append(change)
            self.generated.update([change.path] if is_generated(change.path, change.beginning) else [])
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


def _change(patch: Patch) -> Change | str:
    """What a patch added, or the reason to skip it."""
    path = patch.path.decode(errors="backslashreplace")
    reason = MODES.get(patch.mode[:3]) or unwanted(path)
    if reason:
        return reason
    try:
        hunks = tuple(_hunk(start, lead, run) for start, lead, run in patch.hunks)
    except UnicodeDecodeError:
        return "not UTF-8"
    return unclean("\n".join(hunk.text for hunk in hunks)) or Change(path, patch.blob, hunks)


def _hunk(start: int, lead: tuple[bytes, ...], run: bytes) -> Hunk:
    return Hunk(start, tuple(line.decode().rstrip("\n") for line in lead), run.decode().removesuffix("\n"))


def _opaque_reasons(folder: Path, blobs: Sequence[str]) -> Counter[str]:
    """Why git showed no lines: the file is too large, or binary."""
    if not blobs:
        return Counter()
    with tempfile.TemporaryFile() as names:
        names.write("\n".join(blobs).encode())
        names.seek(0)
        with running(folder, ["cat-file", "--batch-check=%(objectsize)"], names) as process:
            assert process.stdout is not None
            sizes = [int(line) if line.strip().isdigit() else 0 for line in process.stdout]
    return Counter("too large" if size > FILE_BYTES else "binary" for size in sizes)
