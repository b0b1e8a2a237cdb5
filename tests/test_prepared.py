"""A prepared process is as one that was started: its line, folder, environment, pipes and end."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from prepared import Prepared

TELLING = """
import json, os, sys
print(json.dumps([__name__, sys.argv, os.getcwd(), os.environ.get("SAID"), "autotroph.loop" in sys.modules]))
"""
HEARING = 'import sys; print("there", flush=True); print(sys.stdin.read().upper()); sys.exit(3)'
STANDING = 'import time; print("there", flush=True); time.sleep(60)'


def test_it_has_its_line_its_folder_and_its_environment(tmp_path: Path):
    with Prepared("-c", TELLING, "a", "--b", cwd=tmp_path, env={"SAID": "so"}) as process:
        assert json.loads(process.stdout.readline()) == [
            "__main__",
            ["-c", "a", "--b"],
            str(tmp_path),
            "so",
            True,
        ]
        assert process.wait() == 0


def test_a_script_finds_what_lies_beside_it(tmp_path: Path):
    (tmp_path / "beside.py").write_text("WORD = 'beside'", "utf-8")
    (tmp_path / "script.py").write_text("import sys, beside; print(beside.WORD, sys.argv[1:])", "utf-8")
    with Prepared(str(tmp_path / "script.py"), "x") as process:
        assert process.stdout.readline() == "beside ['x']\n"


def test_it_reads_speaks_and_says_what_it_leaves_with():
    process = Prepared("-c", HEARING)
    assert process.stdout.readline() == "there\n"
    assert process.poll() is None
    process.stdin.write("said")
    assert process.communicate() == "SAID\n"
    assert process.wait() == process.poll() == process.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_ended_it_is_said(number: int):
    process = Prepared("-c", STANDING)
    assert process.stdout.readline() == "there\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.0)
    process.send_signal(number)
    assert process.wait(20) == -number
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    process.kill()
    assert process.communicate() == ""


def test_one_knows_nothing_of_another():
    with Prepared("-c", "import json; json.planted = 1") as process:
        assert process.wait() == 0
    with Prepared("-c", "import json, sys; sys.exit(hasattr(json, 'planted'))") as process:
        assert process.wait() == 0
    with Prepared("-c", "raise SystemError") as process:
        assert process.wait() == 1
