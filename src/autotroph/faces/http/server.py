"""The process: a socket, uvicorn on it, and an end that finishes what was begun."""

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import msgspec
import uvicorn

from autotroph.faces.gateway.chat import STOPPED
from autotroph.faces.http import passing
from autotroph.faces.http.app import App
from autotroph.faces.http.bodies import Patience
from autotroph.faces.http.guard import Guard
from autotroph.faces.http.listening import BACKLOG, listen
from autotroph.faces.http.protocol import Connection
from autotroph.faces.http.route import Route
from autotroph.faces.http.routes import ROUTES
from autotroph.faces.http.service import Service
from autotroph.faces.library import Product
from autotroph.govern.keys import Keys
from autotroph.unattended.background import Pace

_LOG = logging.getLogger("autotroph.serve")

GRACE = 6.0
"""Seconds that requests have to end when the server stops, of those ten that containers get."""

LAST = 1.0
"""Seconds for whoever has not ended by then to be told so."""

FORCE = 3.0
"""Seconds after which a server whose requests had their time is gone, whatever hangs."""

PASSES = 50_000, 20, 50
"""When the interpreter looks for cycles: requests leave hardly any, and 700 objects are a few requests."""

WILDCARD = ("", "0.0.0.0", "::")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server listens, and by which names it may be asked besides those of the loopback.

    Attributes:
        held: a socket that has the address already; without one, it is made.
    """

    host: str = "127.0.0.1"
    port: int = 4780
    names: tuple[str, ...] = ()
    held: socket.socket | None = None

    @property
    def url(self) -> str:
        """What to open."""
        host = "127.0.0.1" if self.host in WILDCARD else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class Site:
    """A product at an address, from a socket that nobody else has to a ledger that is closed.

    Args:
        product: open for writing; closed in the end.
        keys: that count.
        address: where; with port 0 it is any that is free.
        every: how often there is a cycle in the background.
        patience: how much of a body is read, and for how long it is waited for.
        grace: seconds that requests have to end when it stops.

    Attributes:
        address: where it is.

    Raises:
        InputError: somebody else listens there.
    """

    def __init__(
        self,
        product: Product,
        keys: Keys,
        address: Address,
        *,
        every: Pace = "declared",
        patience: Patience | None = None,
        grace: float = GRACE,
    ) -> None:
        self._socket = address.held or listen(address.host, address.port)
        self.address = msgspec.structs.replace(address, port=self._socket.getsockname()[1])
        self._product, self._service = product, Service(product, every=every, patience=patience)
        everywhere = address.host in WILDCARD
        names = address.names if everywhere else (*address.names, address.host)
        guard = Guard(keys, names, any_address=everywhere)
        app = App(self._service, guard, _routes(product))
        self._server = Server(app, product.leave_loop, grace)

    def run(self, ready: Callable[[Address], None] = lambda _: None) -> None:
        """Serve until SIGTERM, SIGINT or SIGHUP comes, or `stop` is called.

        Args:
            ready: called with the address once connections are taken.
        """
        try:
            self._service.begin()
            self._server.ready = lambda: ready(self.address)
            self._server.run([self._socket])
        finally:
            self._socket.close()
            self._service.end(patience=1.0)
            self._product.close()
            self._server.ended()

    def stop(self) -> None:
        """End as after a signal; any thread may say so."""
        self._server.should_exit = True


def _routes(product: Product) -> tuple[Route, ...]:
    """All that can be asked for; what is not known, too, where there is an upstream for it."""
    return (*ROUTES, *passing.ROUTES) if product.spec.product.upstream else ROUTES


class Server(uvicorn.Server):
    """uvicorn, so that it says when it is ready, and is gone some seconds after it was told to.

    Args:
        app: answers.
        over: awaited when nobody is answered any more, as long as there is a loop.
        grace: seconds that requests have to end when it stops; a second signal ends them at once.
    """

    def __init__(self, app: App, over: Callable[[], Awaitable[None]], grace: float = GRACE) -> None:
        self._over, self._grace = over, grace
        super().__init__(
            uvicorn.Config(
                app,
                loop="auto",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=True,
                headers=[("x-content-type-options", "nosniff"), ("cache-control", "no-store")],
                timeout_keep_alive=30,
                backlog=BACKLOG,
            )
        )
        self.ready: Callable[[], None] = lambda: None
        self._forced: threading.Timer | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, and say so."""
        gc.collect()
        gc.freeze()  # what is there now stays: it is not gone through again and again for each answer
        gc.set_threshold(*PASSES)
        await super().startup(sockets)
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer those who are there, and let go of those who were asked for them."""
        if under_way := len(self.server_state.tasks):
            _LOG.warning(
                "stopping: %s requests are being answered, and have %g s; a second signal ends them at once",
                under_way,
                self._grace,
            )
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await super().shutdown(sockets)
        await self._let_go()
        await self._over()

    async def _let_go(self) -> None:
        """Whoever is not answered by now is told so, instead of a connection that breaks off."""
        left = set(self.server_state.tasks)
        for task in left:
            task.cancel(STOPPED)
        if left:
            _LOG.warning("%s requests were not answered to their end, and end in an error", len(left))
            await asyncio.wait(left, timeout=LAST)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # nobody reads there
        await asyncio.sleep(0)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's
        """A signal to stop; from now on the time runs, and with the second it is up."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self.ended()
        self._forced = threading.Timer(FORCE if self.force_exit else self._grace + FORCE, _force)
        self._forced.daemon = True
        self._forced.start()

    def ended(self) -> None:
        """All is done, and nothing needs to be forced."""
        if self._forced is not None:
            self._forced.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """While it runs, signals stop it; afterwards they do what they did, and none is raised again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self.handle_exit) for one in _heeded()}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def _heeded() -> list[signal.Signals]:
    """The signals that stop it; a terminal that was closed does not where `nohup` says so."""
    hangup = getattr(signal, "SIGHUP", None)
    found = [signal.SIGINT, signal.SIGTERM]
    return [*found, hangup] if hangup and signal.getsignal(hangup) is signal.SIG_DFL else found


def _force() -> None:
    _LOG.error("something hangs, and is given up; what was acknowledged is on disk")
    os._exit(1)
