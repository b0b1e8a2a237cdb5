import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from autotroph.records import Decision, Entry, Signal
from autotroph.store import open_store, verify

APPENDING = Path(__file__).with_name("appending.py")


def test_kill_minus_nine_loses_nothing_acknowledged(tmp_path):
    ledger = tmp_path / "ledger.db"
    acknowledged: list[int] = []
    for lines in (1, 7, 40, 90):
        acknowledged += _append_until_killed(ledger, lines)
        with closing(open_store(ledger)) as store:
            stored = [row.sequence for kind in (Decision, Signal, Entry) for row in store.scan(kind)]
            assert set(acknowledged) <= set(stored)
            assert sorted(stored) == list(range(1, store.last() + 1))
            assert verify(store) == store.last() // 3
    assert len(acknowledged) == len(set(acknowledged))


def _append_until_killed(ledger: Path, lines: int) -> list[int]:
    command = [sys.executable, str(APPENDING), str(ledger)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
    return [int(each) for line in told if line.endswith("\n") for each in line.split()]
