"""The kill switch: a file that anybody can make, and that takes back what serves at the next decision.

    touch .autotroph/ledger.db.rollback                         # every task, to what its release replaced
    echo 'reply' > .autotroph/ledger.db.rollback                # one task
    echo 'reply release 0' > .autotroph/ledger.db.rollback      # one task, to a release that has served

It needs no ledger, no server, no declaration and no command. What cannot be understood means every task: who
pulls a brake in a hurry is not asked to spell.
"""

import os
import stat
from collections.abc import Collection
from pathlib import Path

import msgspec

from autotroph.errors import suggest

LARGEST = 65_536
"""Bytes of a file that is still read; no list of tasks is longer."""

_ABSENT = (FileNotFoundError, NotADirectoryError)

Sight = tuple[int, int, int, int]
"""What tells one state of the file from the next, without reading it."""


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """What a switch that was pulled asks for.

    Attributes:
        tasks: those that are named, and the release to go back to; empty: what the present one replaced.
        every: whether the other tasks go back too.
        faults: what could not be understood, so that every task goes back.
    """

    tasks: dict[str, str] = {}
    every: bool = False
    faults: tuple[str, ...] = ()

    def covers(self, task: str) -> bool:
        """Whether a task is to go back."""
        return self.every or task in self.tasks


def understood(content: bytes, known: Collection[str]) -> Pull:
    """What the content of the file asks for; whatever it may be, it asks for something.

    Args:
        content: lines of a task, or of a task and a release of it; nothing means every task.
        known: the tasks that there are.

    >>> understood(b"reply release 0", ["reply", "route"])
    Pull(tasks={'reply': 'release 0'}, every=False, faults=())
    >>> understood(b"", ["reply", "route"]).every
    True
    >>> understood(b"rply", ["reply", "route"]).faults
    ("line 1: no task named 'rply'; known: reply, route. Did you mean 'reply'?",)
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Pull(every=True, faults=(f"it is not text (byte {error.start} is not UTF-8)",))
    lines = [(number, line.split(maxsplit=1)) for number, line in enumerate(text.splitlines(), 1)]
    said = [(number, words[0], "".join(words[1:]).strip()) for number, words in lines if words]
    tasks = {task: release for _, task, release in said if task in known}
    faults = tuple(
        f"line {number}: no task named {task!r:.80}; {suggest(task[:80], known)}"
        for number, task, _ in said
        if task not in known
    )
    return Pull(tasks=tasks, every=not said or bool(faults), faults=faults)


class Switch:
    """Looks at the file; anybody who can make it may pull it.

    Args:
        path: where it is; None where a product has no place for one.
        tasks: that there are.

    Attributes:
        path: where it is.
        fault: why it could not be looked at when it was last looked at closely; empty where it could.
    """

    def __init__(self, path: Path | None, tasks: Collection[str]) -> None:
        self.path, self._tasks = path, tuple(tasks)
        self.fault = ""
        self._name = os.fspath(path) if path is not None else ""
        self._sight: Sight | None = None
        self._pull: Pull | None = None

    def glance(self) -> Pull | None:
        """What is asked for; None while nobody pulls. Cheap enough for each decision."""
        if self._pull is None and not (self._name and os.access(self._name, os.F_OK)):
            return None
        return self.look()

    def look(self) -> Pull | None:
        """What is asked for; None while nobody pulls. The same object as long as the file is the same.

        Where it cannot be known whether the file is there, what was known last is what holds.
        """
        if not self._name:
            return None
        try:
            found = os.stat(self._name)  # noqa: PTH116 - asked at every decision while it is pulled
            sight = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
            if sight != self._sight:
                self._sight, self._pull = sight, self._read(found)
        except _ABSENT:  # also when it went between the look and the reading
            self._sight, self._pull = None, None
        except OSError as error:
            self.fault = f"{self._name}: cannot be looked at ({error.strerror}); see to its folder"
            return self._pull
        self.fault = ""
        return self._pull

    def _read(self, found: os.stat_result) -> Pull:
        if not stat.S_ISREG(found.st_mode):
            return Pull(every=True, faults=("it is not a file",))
        try:
            with open(self._name, "rb") as file:  # noqa: PTH123 - the name as it was looked at
                content = file.read(LARGEST + 1)
        except _ABSENT:
            raise
        except OSError as error:
            return Pull(every=True, faults=(f"it cannot be read: {error.strerror}",))
        if len(content) > LARGEST:
            return Pull(every=True, faults=(f"it is longer than {LARGEST} bytes",))
        return understood(content, self._tasks)
