"""A history as values: commits, what each changed, and the lines that it added."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from autotroph.demo.git import running, whole_version
from autotroph.errors import SourceError


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
    def characters(self) -> int:
        """How many characters were added."""
        return sum(len(hunk.text) for hunk in self.hunks)

    @property
    def beginning(self) -> str:
        """The first added lines, if they are the first of the file."""
        return "" if self.hunks[0].start else self.hunks[0].text

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
        sizes = [(change.path, change.characters) for commit in self.commits for change in commit.changes]
        python = sum(size for path, size in sizes if path.endswith((".py", ".pyi")))
        return python / max(1, sum(size for _, size in sizes))

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """A function from a change to the file's whole new version; None where that is not UTF-8."""
        if self.repository is None:
            yield lambda change: change.hunks[0].text
            return
        with running(self.repository, ["cat-file", "--batch"]) as process:
            yield lambda change: whole_version(process, change.blob)


ENOUGH_LINES = 20  # fewer added lines than this teach nothing and prove nothing


def enough(history: History, folder: Path) -> History:
    """The history, if there is anything to learn in it."""
    lines = sum(len(span) for commit in history.commits for change in commit.changes for span in change.added)
    if lines >= ENOUGH_LINES:
        return history
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in sorted(history.skipped.items()))
    raise SourceError(
        f"{folder}: {lines} lines of source, {ENOUGH_LINES} are needed"
        f" (files skipped: {skipped or 'none'}); name a folder or repository with more source"
    )


def short_digest(content: bytes, size: int = 8) -> str:
    """A name for some bytes: twice `size` hex digits."""
    return blake2b(content, digest_size=size).hexdigest()
