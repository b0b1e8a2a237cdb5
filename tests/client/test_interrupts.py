"""An interrupt ends a wait wherever it comes, and leaves the client whole: it is tried at each line."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from linecache import getline
from types import CodeType, FrameType
from typing import Any

import pytest
from scripted import Scripted

from autotroph.client import Client, Limits
from autotroph.client.bell import Bell
from autotroph.errors import Overloaded

PLACES = ("client/bell.py", "client/sender.py", "client/delivery.py", "client/buffer.py")


class Interrupt(BaseException):
    """As from the keyboard."""


def watched(code: CodeType) -> bool:
    return code.co_filename.endswith(PLACES) or code.co_qualname.startswith("Condition.")


def leaving(frame: FrameType) -> bool:
    """Whether a lock may be about to be given back, which the interpreter lets no interrupt come before."""
    return getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith("with ")


@contextmanager
def interrupted(at: int) -> Iterator[None]:
    """Raise in this thread when so many lines have begun where signals are buffered and waited for."""
    left = at

    def each(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not watched(frame.f_code):
            return None
        left -= event == "line" and not leaving(frame)
        if left == 0:
            left = -1
            raise Interrupt
        return each

    before = sys.gettrace()
    sys.settrace(each)
    try:
        yield
    finally:
        sys.settrace(before)


def free(client: Client) -> bool:
    """Whether another thread gets at the client."""
    thread = threading.Thread(target=lambda: client.stats, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


def test_while_there_is_no_room(server: Scripted):
    server.hold()
    client = Client(server.url, limits=Limits(events=2, linger=0.0), patience=0.05)
    for key in ("a", "b"):
        client.signal("d1", "accepted", True, key=key)
    lines = 0
    for line in count(1):
        try:
            with interrupted(line):
                client.signal("d1", "accepted", True, key=f"no room {line}")
        except Interrupt:
            lines = line
            assert free(client)
        except Overloaded:
            break
    assert lines > 20
    server.release()
    client.close(30)
    assert list(server.stored) == ["a", "b"]


def test_while_a_signal_is_taken(server: Scripted):
    taken = lines = 0
    for line in count(1):
        client = Client(server.url, limits=Limits(linger=0.0))
        try:
            with interrupted(line):
                client.signal("d1", "accepted", True, key=f"{line}")
        except Interrupt:
            lines = line
        ended = lines < line
        assert free(client)
        client.signal("d1", "accepted", True, key=f"after {line}")
        client.close(30)
        taken += client.stats.delivered
        if ended:
            break
    assert lines > 30
    assert taken == len(server.stored)
    assert {f"after {n}" for n in range(1, lines + 2)} <= server.stored.keys()
    assert set(server.stored.values()) == {1}


def test_what_was_not_rung_for_is_seen_all_the_same():
    began = time.monotonic()
    assert Bell().wait_for(lambda: time.monotonic() - began > 0.05, 600)
    assert time.monotonic() - began < 300


@pytest.mark.parametrize("patience", [0.0, -1.0, 0.01])
def test_what_does_not_happen_is_looked_at_and_waited_for(patience: float):
    looks: list[int] = []
    bell = Bell()
    assert not bell.wait_for(lambda: bool(looks.append(1)), patience)
    assert looks
