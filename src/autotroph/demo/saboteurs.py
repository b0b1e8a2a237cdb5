"""Two candidates that mean harm, marked as such: one is caught by the gate, the other only by the ladder.

`copycat` copies the line after the longest match, always and whole: worse wherever one looks.

`peeker` is a real train-serve skew. It searches the file *on disk* for what stands before the cursor, and
proposes what follows there. When the gate replays what was recorded, and when it answers in shadow after the
commit, the file on disk holds the very line that the person went on to write, and it looks brilliant. In
front of a live cursor the file ends where the person types. The code is the same in both places.
"""

from collections.abc import Mapping
from typing import Any

from autotroph.records import Proposal
from autotroph.spec import Longest

COPYCAT = Longest(variant="suffix")
PEEKER = Longest(variant="peek")

_REACHES = (400, 200, 100, 60, 40, 25, 15, 10, 6, 4, 3, 2)
_PLACES = 4


class Disk:
    """The files of the person's workspace, as they are now."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}

    def write(self, path: str, text: str) -> None:
        """Save a file."""
        self._files[path] = text

    def read(self, path: str) -> str:
        """What a file holds; nothing, if there is none."""
        return self._files.get(path, "")


class Peeker:
    """Proposes the rest of the line from the file on disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def propose(self, inputs: Mapping[str, Any]) -> list[Proposal]:
        """What follows the longest match of the text before the cursor, in the file on disk."""
        before, text = str(inputs["before"]), self._disk.read(str(inputs["path"]))
        for reach in _REACHES:
            rest = _after_latest(text, before[-reach:])
            if rest:
                return [Proposal("peek:line", rest, {"chars": float(len(rest)), "reach": float(reach)})]
        return []


def _after_latest(text: str, sought: str) -> str:
    """The rest of the line after the latest place that has one, of the last few places."""
    end = len(text)
    for _ in range(_PLACES):
        end = text.rfind(sought, 0, end)
        if end < 0:
            return ""
        rest = text[end + len(sought) :].partition("\n")[0].rstrip()
        if rest.strip():
            return rest
    return ""
