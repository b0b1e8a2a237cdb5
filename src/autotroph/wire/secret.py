"""Secrets by reference: they are looked up when a call is made, and written nowhere."""

import os
import re
from pathlib import Path

from autotroph.errors import UpstreamFault

_REFERENCE = re.compile(r"(env|file):.+")


def is_reference(text: str) -> bool:
    """Whether a text says where a secret is, and so is none.

    >>> is_reference("env:LLM_KEY"), is_reference("sk-4f1d")
    (True, False)
    """
    return _REFERENCE.fullmatch(text) is not None


class Secret:
    """What a key refers to; empty for an upstream that wants none.

    Args:
        reference: `env:NAME` or `file:PATH`.
        whose: it is, for messages.
    """

    def __init__(self, reference: str, whose: str) -> None:
        self._kind, _, self._name = reference.partition(":")
        self._whose = whose
        self._known: tuple[tuple[int, int, int], str] | None = None

    def __repr__(self) -> str:
        return f"Secret({self._kind}:{self._name})"

    def value(self) -> str:
        """The key as it is now: an environment can be set and a file replaced while this process runs.

        Raises:
            UpstreamFault: there is none, or it is none.
        """
        if not self._kind:
            return ""
        found = self._of_file() if self._kind == "file" else os.environ.get(self._name, "").strip()
        if found and found.isascii() and found.isprintable():
            return found
        why = "holds characters that no key has" if found else "is empty, or is not there"
        raise UpstreamFault(
            f"{self._whose}: its key {self._kind}:{self._name} {why}; set it, nothing was asked", "key"
        )

    def _of_file(self) -> str:
        """Read again only where the file is another one: its time, its size, or its place on the disk."""
        try:
            state = Path(self._name).stat()
            seen = (state.st_mtime_ns, state.st_size, state.st_ino)
            if self._known is None or self._known[0] != seen:
                self._known = (seen, Path(self._name).read_text("utf-8").strip())
        except (OSError, ValueError):
            return ""
        return self._known[1]
