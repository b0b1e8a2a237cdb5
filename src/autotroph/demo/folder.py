"""A folder without a history: one file counts as one commit, in the order of paths, at synthetic times."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from pathlib import Path

from autotroph.demo.commits import Change, Commit, History, Hunk, enough, short_digest
from autotroph.demo.unwanted import FILE_BYTES, decoded, folder_reason, is_generated, unclean, unwanted
from autotroph.errors import SourceError

_WALKED_FILES = 50_000


_FIRST_HOUR = 1_735_689_600.0  # 2025-01-01T00:00Z: where synthetic time begins


ONE_FILE_NOTE = ("one file counts as one commit; times and order are synthetic",)


def existing_folder(path: Path) -> Path:
    """The folder at a path, whole; SourceError if there is none."""
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


def read_folder(path: Path, seed: int = 0, files: int = 600, characters: int = 6_000_000) -> History:
    """Read a folder without a history: one file counts as one commit, in the order of paths."""
    folder = existing_folder(path)
    walked = [
        (file, f"{file.relative_to(folder).as_posix()}") for file in islice(walk(folder), _WALKED_FILES)
    ]
    skipped: Counter[str] = Counter()
    found = readable({folder.name: walked}, seed, skipped)
    commits = one_file_a_commit(within(found, files, characters))
    notes = (*ONE_FILE_NOTE, *_folder_notes(len(walked), len(commits)))
    return enough(History(folder.name or "folder", "folder", commits, dict(skipped), notes), folder)


def _folder_notes(walked: int, taken: int) -> Iterator[str]:
    if walked == _WALKED_FILES:
        yield f"only the first {_WALKED_FILES:,} files were looked at"
    if walked > taken:
        yield f"{walked:,} files: {taken:,} are replayed"


def walk(folder: Path) -> Iterator[Path]:
    """Files in the order of their paths; links and hidden folders are not followed."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not folder_reason(name))
        for name in sorted(names):
            file = Path(parent, name)
            if not name.startswith(".") and file.is_file() and not file.is_symlink():
                yield file


def readable(
    groups: Mapping[str, Sequence[tuple[Path, str]]], seed: int, skipped: Counter[str]
) -> Iterator[tuple[str, str, str]]:
    """Group, path and text of file after file, the groups taking turns in a shuffled order of files."""
    shuffled = [
        [
            (group, file, path)
            for file, path in sorted(some, key=lambda one: short_digest(f"{seed}:{one[1]}".encode()))
        ]
        for group, some in sorted(groups.items())
    ]
    for turn in zip_longest(*shuffled):
        for group, file, path in filter(None, turn):
            text, reason = file_text(file, path)
            if reason:
                skipped[reason] += 1
            else:
                yield group, path, text


def file_text(file: Path, path: str) -> tuple[str, str]:
    """A file's text, or the reason to skip it."""
    if reason := unwanted(path):
        return "", reason
    try:
        if file.stat().st_size > FILE_BYTES:
            return "", "too large"
        content = file.read_bytes()
    except OSError:
        return "", "unreadable"
    if b"\0" in content:
        return "", "binary"
    text = decoded(content)
    if text is None:
        return "", "not UTF-8"
    text = text.removesuffix("\n")
    whole = Change(path, "", (Hunk(0, (), text),))
    return text, unclean(text) or (
        "generated" if is_generated(whole.path, whole.beginning) else "" if text.strip() else "empty"
    )


def within(found: Iterable[tuple[str, str, str]], files: int, characters: int) -> list[tuple[str, str, str]]:
    """The files that fit, in the order of group and path."""
    taken: list[tuple[str, str, str]] = []
    for one in found:
        characters -= len(one[2])
        if characters < 0 or len(taken) == files:
            break
        taken.append(one)
    return sorted(taken)


def one_file_a_commit(files: Sequence[tuple[str, str, str]]) -> tuple[Commit, ...]:
    """Each file as a commit that adds it whole, one an hour."""
    return tuple(
        Commit(
            id=short_digest(f"{group}\0{path}\0{text}".encode(), size=20),
            author=group,
            at=_FIRST_HOUR + 3600.0 * hour,
            changes=(Change(path, "", (Hunk(0, (), text),)),),
        )
        for hour, (group, path, text) in enumerate(files)
    )
