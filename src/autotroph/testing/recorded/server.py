"""All of it, served: from a thread beside a test, or as a process of its own."""

import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import uvicorn

from autotroph.clock import Clock, SystemClock
from autotroph.testing.recorded.answers import Answers
from autotroph.testing.recorded.app import App
from autotroph.testing.recorded.manner import Manner

HOST = "127.0.0.1"


class Recorded:
    """A server that answers what models really said; a context manager that runs it in a thread.

    Args:
        answers: who answers what: what `read` reads from a file, or a `Stub`.
        manner: how slowly, and at what price.
        port: to listen on; 0 for one that is free.
        clock: gives ids and times.

    Attributes:
        url: what clients take as `base_url`.
    """

    def __init__(
        self, answers: Answers, manner: Manner | None = None, *, port: int = 0, clock: Clock | None = None
    ) -> None:
        self._answers, self._manner = answers, manner or Manner()
        self._app = App(answers, self._manner, clock or SystemClock(self._manner.seed))
        self._listening = socket.create_server((HOST, port), backlog=1024)
        self.url = f"http://{HOST}:{self._listening.getsockname()[1]}/v1"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,  # who tests how callers leave should not wait for them
            )
        )
        self._thread = threading.Thread(target=self.run, name="recorded upstream", daemon=True)

    def run(self) -> None:
        """Serve until it is stopped; in the main thread, until a signal says so."""
        self._server.run([self._listening])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()

    def right(self, model: str, prompt: str) -> bool:
        """Whether what a model says to a prompt is right.

        Raises:
            Refused: it is not known what it says.
        """
        return self._answers.answer(model, prompt).right

    def text(self, model: str, prompt: str) -> str:
        """What a model says to a prompt.

        Raises:
            Refused: it is not known.
        """
        return self._answers.answer(model, prompt).text

    def cost(self, model: str, sent: int, answered: int) -> float:
        """What tokens sent and answered cost, in US dollars."""
        return self._manner.cost(model, sent, answered)

    @property
    def asked(self) -> Mapping[str, int]:
        """How often each model was asked and had an answer, streams that were left included."""
        return self._app.asked

    @property
    def open(self) -> int:
        """Requests under way."""
        return self._app.open

    @property
    def left(self) -> int:
        """Requests whose caller had gone before the answer ended."""
        return self._app.left
