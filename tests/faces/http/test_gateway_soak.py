"""A gateway that is asked for long, by people who leave, before upstreams that fail: it does not grow."""

import http.client
import json
import os
import resource
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from gateways import SECRET, TOML, flaky, limits
from servers import TOKEN, Process, started, until

from autotroph.testing.flaky import Fault, Flaky

THREADS = 8
FAULTS = (Fault("5xx"), Fault("cut", "after"), Fault("malformed"), Fault("in-band error", "after"))
MODELS = ("bare", "safe", "small", "anything", "tried")


class Seen(NamedTuple):
    """How large the process was after so many requests."""

    requests: int
    mib: float
    files: int


class Soak:
    """Asks until it has asked so often.

    Args:
        process: that is asked.
        small: an upstream of it.
        number: of requests.
    """

    def __init__(self, process: Process, small: Flaky, number: int) -> None:
        self._process, self._small, self._number = process, small, number
        self._next: Iterator[int] = count()
        self.done = 0
        self.told: Counter[int] = Counter()

    def ask(self) -> None:
        """As one of several threads."""
        connection = self._connected()
        for nth in self._next:
            if nth >= self._number:
                break
            self.done = max(self.done, nth)
            if nth % 10 == 7:
                self._small.faults.append(FAULTS[nth // 10 % len(FAULTS)])
            try:
                self._send(connection, nth)
                if nth % 10 == 8:  # leaves: at once, or when the answer has begun
                    if nth % 20 == 8:
                        connection.getresponse().read(20)
                    raise ConnectionResetError
                answer = connection.getresponse()
                answer.read()
                self.told[answer.status] += 1
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = self._connected()
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, nth: int) -> None:
        keyed = nth % 10 == 3
        asked = {"role": "user", "content": f"Is it {nth % 300 if keyed else nth}?"}
        model = "bare" if keyed else MODELS[nth % 7 % 5]
        document = {"model": model, "messages": [asked], "user": f"u{nth % 300}", "max_tokens": 20}
        document |= {"stream": nth % 3 == 0 and not keyed}
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        headers |= {"idempotency-key": f"k{nth % 300}"} if keyed else {}
        connection.request("POST", "/v1/chat/completions", json.dumps(document), headers)

    def _connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._process.port, timeout=60)


def soak(folder: Path, number: int, looks: int = 40) -> tuple[list[Seen], Counter[int]]:
    """Ask so often, and look so often how large it is."""
    with flaky() as small, flaky() as large:
        text = limits(TOML, "bare", usd=10**6, requests=10**9)
        text = text.format(small=small.url, large=large.url, calls="")
        (folder / "autotroph.toml").write_text(text, "utf-8")
        with started(folder) as process:
            run = Soak(process, small, number)
            threads = [threading.Thread(target=run.ask) for _ in range(THREADS)]
            for one in threads:
                one.start()
            seen = []
            for nth in range(1, looks):
                until(lambda nth=nth: run.done >= number * nth // looks, 3600.0)  # type: ignore[misc]
                seen.append(look(process.process.pid, run.done))
            for one in threads:
                one.join()
            until(lambda: look(process.process.pid, 0).files <= seen[0].files + 2)
            until(lambda: small.open + large.open <= 2 * THREADS)
    return seen, run.told


def look(pid: int, requests: int) -> Seen:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Seen(requests, pages * resource.getpagesize() / 2**20, len(os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208


def slope(seen: list[Seen]) -> float:
    """MiB per 100,000 requests, once everything that is bounded is full."""
    late = seen[len(seen) // 4 :]
    return float(np.polyfit([one.requests / 1e5 for one in late], [one.mib for one in late], 1)[0])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads how large a process is from /proc")
def test_it_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTROPH_TEST_KEY", SECRET)
    seen, told = soak(tmp_path, 200_000)
    assert told[200] > 150_000
    assert slope(seen) <= 5.0, seen
    assert max(one.files for one in seen) <= min(one.files for one in seen[2:]) + 3 * THREADS
