"""`autotroph serve` in a process of its own, on a port that it comes back to."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autotroph.records import Decision, Signal
from autotroph.spec import template
from autotroph.store import open_reader
from ports import port_of_its_own
from prepared import Prepared

KEY = "0123456789-abcdefghijklm"
COMMAND = "from autotroph.faces.cli import main; main()"


class Served:
    """A product in a folder, and a port that its server comes back to."""

    def __init__(self, folder: Path, declared: str = "", *given: str) -> None:
        """A product as declared; of what is `given` to the command, if that says enough."""
        if not given:
            (folder / "autotroph.toml").write_text(declared or template("support"), "utf-8")
        self.folder, self.given = folder, given
        self.port = port_of_its_own()
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[Prepared]:
        line = ["-c", COMMAND, "serve", "--port", str(self.port), "--json", "--cycle-every", "never"]
        with Prepared(*line, *self.given, cwd=self.folder) as process:
            try:
                assert json.loads(process.stdout.readline())["url"] == self.url
                yield process
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                    assert process.wait(20) == 0
            finally:
                process.kill()

    def signals(self) -> list[Signal]:
        reader = open_reader(self.folder / ".autotroph" / "ledger.db")
        try:
            return list(reader.scan(Signal))
        finally:
            reader.close()

    def decisions(self) -> list[Decision]:
        reader = open_reader(self.folder / ".autotroph" / "ledger.db")
        try:
            return list(reader.scan(Decision))
        finally:
            reader.close()
