"""What people really wrote, in the order in which they wrote it.

A history is a row of commits, oldest first. From a git repository it is every mainline commit with its
merges unfolded; from a folder, or from the installed dependencies, one file counts as one commit. Only added
lines are held in memory; whole versions of files are read when somebody asks for them.

| file | idea |
|---|---|
| commits.py | the values |
| repository.py, patches.py, git.py | from a git repository: what is replayed, git's stream, the command |
| folder.py, installed.py | from a folder, the installed dependencies, the standard library |
| unwanted.py | what is skipped, and why |
"""

from pathlib import Path

from autotroph.demo.commits import Change, Commit, History, Hunk, Read
from autotroph.demo.folder import existing_folder, read_folder
from autotroph.demo.installed import base_corpus, read_installed
from autotroph.demo.repository import has_history, read_repository

__all__ = ["Change", "Commit", "History", "Hunk", "Read", "base_corpus", "open_history"]


def open_history(path: Path | None, seed: int = 0) -> History:
    """The history of a repository or a folder; without a path, of the installed dependencies."""
    if path is None:
        return read_installed(seed)
    folder = existing_folder(path)
    return read_repository(folder) if has_history(folder) else read_folder(folder, seed)
