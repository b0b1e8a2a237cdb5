"""Repositories to read, made here with the git command, and what is asked of every history."""

import subprocess
from pathlib import Path

from autotroph.demo.history import History

PROGRAM = "".join(f"def function_{number}(argument):\n    return {number}\n" for number in range(15))


class Repository:
    """A small repository to write in; every commit is a minute after the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.minutes = folder, 0
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        when = f"{1_700_000_000 + 60 * self.minutes} +0000"
        who = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": when}
        who |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_COMMITTER_DATE": when}
        plain = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=plain | who, check=True, capture_output=True
        )
        return done.stdout.decode()

    def commit(self, files: dict[str, str | bytes | None]) -> None:
        for name, content in files.items():
            file = self.folder / name
            if content is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.minutes += 1
        self.git("commit", "--quiet", "--allow-empty", "--message", "a commit")


def added(history: History) -> list[tuple[str, list[str]]]:
    """Path and added lines of every change, in order."""
    return [
        (change.path, [line for hunk in change.hunks for line in hunk.lines])
        for commit in history.commits
        for change in commit.changes
    ]


def assert_lines_stand_where_they_are_said_to(history: History) -> None:
    with history.reading() as read:
        for commit in history.commits:
            for change in commit.changes:
                text = read(change)
                assert text is not None
                lines = text.split("\n")
                for hunk, span in zip(change.hunks, change.added, strict=True):
                    assert [lines[number] for number in span] == hunk.lines
                    assert tuple(lines[hunk.start - len(hunk.lead) : hunk.start]) == hunk.lead
