"""Orders to roll back, from a process that cannot write the ledger to the one that can.

An order is a file beside the ledger; whoever has the ledger open takes it away, obeys, and answers with
another file. So it is obeyed once or not at all, also where the ledger takes no row: unlike what
`unattended.asking` is for, it must not wait for one.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import msgspec

from autotroph.clock import Clock
from autotroph.deploy.retreat import Rollback
from autotroph.faces.keeping import keep

PATIENCE = 10.0
"""Seconds in which an order is taken up, or is none any more."""

LONGER = 10.0
"""Seconds for which one that was taken up is waited for."""

LOOK = 0.02
LARGEST = 64 * 2**10
"""Bytes of an order; what is larger is none."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way back that somebody asks for; `until` is when it is none any more, seconds since the epoch."""

    task: str
    to: str
    by: str
    until: float


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An order that was not obeyed, and why."""

    reason: str


class Obeyed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An order that was."""

    done: Rollback


Answer = Obeyed | Refused


def folder_of(ledger: Path) -> Path:
    """Where orders to whoever has a ledger open lie."""
    return ledger.with_name(f"{ledger.name}.orders")


def give(folder: Path, order: Order, clock: Clock) -> Answer | None:
    """Give an order and wait for what came of it; None where nobody took it up.

    Raises:
        OSError: nothing can be written there.
    """
    id_ = clock.new_id("order")
    file, answer = folder / f"{id_}.order", folder / f"{id_}.answer"
    keep(file, msgspec.json.encode(order))
    if (found := _awaited(answer, PATIENCE)) is not None:
        return found
    try:
        file.unlink()
    except FileNotFoundError:  # it was taken up at the last moment
        return _awaited(answer, LONGER)
    return None


def taken(folder: Path, now: float) -> Iterator[tuple[str, Order]]:
    """The orders that wait, with their ids, oldest first; each is taken away before it is handed over."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".order"))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        file = folder / name
        with suppress(FileNotFoundError):  # who gave it has taken it back
            content = _content(file)
            file.unlink()
            with suppress(msgspec.MsgspecError):  # nobody waits for what no order is
                order = msgspec.json.decode(content, type=Order)
                if now < order.until:
                    yield file.stem, order


def answer(folder: Path, id_: str, said: Answer) -> None:
    """Say what came of an order."""
    keep(folder / f"{id_}.answer", msgspec.json.encode(said))


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LARGEST)


def _awaited(file: Path, seconds: float) -> Answer | None:
    end = monotonic() + seconds
    while monotonic() < end:
        with suppress(FileNotFoundError):
            found: Answer = msgspec.json.decode(_content(file), type=Answer)
            file.unlink(missing_ok=True)
            return found
        sleep(LOOK)
    return None
