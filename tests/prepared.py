"""Processes of their own without the second that their imports take: forks of one that has imported already.

    with Prepared("-c", COMMAND, "serve", cwd=folder) as process:  # as `python -c COMMAND serve` there

They are stopped, killed and waited for like any other. How a command starts is for tests that start it as
people do; these are for what becomes of one that is there.

Run as a script, this is whom they are forked from: a worker has one, from the first that is asked of it. Each
fork has a second one beside it, that waits for it as a parent does, and tells what it left with.
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Self

IMPORTED = (
    "autotroph.adapters.upstreams.openai",
    "autotroph.faces.cli.serve",
    "autotroph.faces.http.server",
    "autotroph.store.sqlite",
    "autotroph.testing.disks",
    "sqlglot",
    "uvloop",
)
MOST = 2**18
"""Bytes of what is asked: a line, a folder, an environment."""


class Prepared:
    """A process, with what is needed of `subprocess.Popen`; stdin and stdout are pipes of text.

    Args:
        line: what stands after `python`: `-c`, a program and its arguments; or a script and its arguments.
        cwd: where it runs; here if None.
        env: its environment; ours if None.
    """

    def __init__(self, *line: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        asked = {"line": line, "cwd": str(cwd or Path.cwd()), "env": dict(os.environ if env is None else env)}
        (read, stdin), (stdout, write), (told, telling) = os.pipe(), os.pipe(), os.pipe()
        socket.send_fds(_forking(), [json.dumps(asked).encode()], [read, write, 2, telling])
        for each in (read, write, telling):
            os.close(each)
        self.stdin, self.stdout = os.fdopen(stdin, "w"), os.fdopen(stdout)
        self._told: IO[str] = os.fdopen(told)
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.communicate()

    def poll(self) -> int | None:
        """What it left with, below zero the signal that ended it; None if it is there."""
        if self.returncode is None and select.select([self._told], [], [], 0.0)[0]:
            self.returncode = os.waitstatus_to_exitcode(int(self._told.readline()))
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same, as soon as it has left."""
        if self.returncode is None:
            select.select([self._told], [], [], timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired("a prepared process", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Nothing, if it is gone."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> str:
        """What it has said that nobody read, when it has left; then there are no pipes any more."""
        if self.stdin.closed:
            return ""
        self.stdin.close()
        self.wait(timeout)
        with self.stdout, self._told:
            return self.stdout.read()


@cache
def _forking() -> socket.socket:
    """To whom that forks; it ends when we do."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        line = [sys.executable, __file__, str(theirs.fileno())]
        process = subprocess.Popen(
            line,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.PIPE,  # its own streams are pipes, as those of its forks are
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        process.communicate()

    atexit.register(end)
    return ours


def forked(asking: socket.socket) -> list[str]:
    """Forks whenever it is asked to; returns only in the forks: the line of each."""
    while True:
        body, given, _, _ = socket.recv_fds(asking, MOST, 4)
        if not body:
            sys.exit()
        if not os.fork():
            asking.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _become(json.loads(body), given)
        for each in given:
            os.close(each)


def _become(asked: dict[str, object], given: list[int]) -> list[str]:
    pid, telling = os.fork(), given.pop()
    if pid:
        _tell(pid, telling, given)
    os.close(telling)
    for number, each in enumerate(given):
        os.dup2(each, number)
        os.close(each)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    return asked["line"]


def _tell(pid: int, telling: int, given: list[int]) -> None:
    """Of a process, its id and what it leaves with; then leaves, too."""
    os.write(telling, f"{pid}\n".encode())
    for each in given:
        os.close(each)
    os.write(telling, f"{os.waitpid(pid, 0)[1]}\n".encode())
    os._exit(0)


def run(what: str, *arguments: str) -> None:
    """As `python` does with its line."""
    if what == "-c":
        sys.argv = [what, *arguments[1:]]
        exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [what, *arguments]
        sys.path.insert(0, str(Path(what).parent))
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    for module in IMPORTED:
        import_module(module)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    run(*forked(socket.socket(fileno=int(sys.argv[1]))))
