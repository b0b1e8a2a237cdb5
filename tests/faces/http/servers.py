"""Real servers on real ports: one in this process, or one in a process of its own that can be killed."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

import autotroph
from autotroph.clock import SystemClock
from autotroph.faces.http.bodies import Patience
from autotroph.faces.http.server import Address, Site
from autotroph.faces.library import Product
from autotroph.govern.keys import Keys
from autotroph.store import Store
from prepared import Prepared

SERVING = Path(__file__).with_name("serving.py")
SHOP = "https://shop.example"
TOKEN = "a-token-for-tests-0123456789"

TOML = """
[product]
name = "support"
[tasks.route]
kind = "choice"
unit = "user"
actions = ["billing", "cards", "fraud"]
context = { text = "text", plan = "category" }
reward = "resolved_fast"
policy = { kind = "uniform" }
[tasks.unrewarded]
kind = "choice"
actions = ["yes", "no"]
[signals]
resolved = { type = "boolean" }
edited = { type = "text" }
minutes = { type = "number", about = "user" }
[rewards.resolved_fast]
value = "resolved"
horizon = "1h"
"""


class Ring(msgspec.Struct, frozen=True):
    """Real keys in a real file, and their secrets by short names: each scope's is called as the scope."""

    keys: Keys
    secrets: dict[str, str]


def ring(folder: Path) -> Ring:
    keys = Keys(folder / "ledger.db.keys", SystemClock(""), TOKEN)
    secrets = {name: keys.create(name, [name])[1] for name in ("signals", "decide", "read", "operate")}
    secrets["web"] = keys.create("web", ["signals"], origins=[SHOP])[1]
    secrets["expired"] = keys.create("expired", ["operate"], lifetime=-1.0)[1]
    secrets["revoked"] = keys.create("revoked", ["operate"])[1]
    keys.revoke(secrets["revoked"])
    return Ring(keys, secrets)


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.value["error"]


class Client:
    """Asks one server, each time over a connection of its own."""

    def __init__(
        self,
        port: int,
        secrets: Mapping[str, str] | None = None,
        product: Product | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.port, self._product, self._loop = port, product, loop
        self.secrets = {"all": TOKEN, **(secrets or {})}

    @property
    def product(self) -> Product:
        assert self._product is not None
        return self._product

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Of the server, in its thread."""
        assert self._loop is not None
        return self._loop

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = "all",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A request; a body that is no bytes and no text is sent as JSON."""
        said: dict[str, str] = {}
        if body is not None and not isinstance(body, bytes | str):
            body, said["content-type"] = json.dumps(body), "application/json"
        if key is not None:
            said["authorization"] = f"Bearer {self.secrets.get(key, key)}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers={**said, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **given: Any) -> Answer:
        return self.ask("GET", path, **given)

    def post(self, path: str, body: object = None, **given: Any) -> Answer:
        return self.ask("POST", path, body, **given)

    def lines(self, path: str, documents: Iterator[object] | list[Any], **given: Any) -> Answer:
        body = b"".join(
            one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in documents
        )
        headers = {"content-type": "application/x-ndjson", **given.pop("headers", {})}
        return self.ask("POST", path, body, headers=headers, **given)


def signal(number: object, value: object = True, **more: object) -> dict[str, object]:
    return {"subject": f"d{number}", "name": "resolved", "value": value, **more}


def declared(folder: Path, failing: str = "answer") -> Path:
    path = folder / "autotroph.toml"
    path.write_text(TOML.replace("[tasks.route]", f'on_store_failure = "{failing}"\n[tasks.route]'), "utf-8")
    return path


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that comes soon."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def served(
    folder: Path,
    *,
    failing: str = "answer",
    store: Store | None = None,
    every: float | None = None,
    patience: Patience | None = None,
    names: tuple[str, ...] = (),
) -> Iterator[Client]:
    """A server in a thread of this process."""
    product = autotroph.open(declared(folder, failing), store=store)
    with serving(folder, product, every=every, patience=patience, names=names) as client:
        yield client


@contextmanager
def serving(
    folder: Path,
    product: Product,
    *,
    every: float | None = None,
    patience: Patience | None = None,
    names: tuple[str, ...] = (),
) -> Iterator[Client]:
    """A server of a product, in a thread of this process; the product is closed in the end."""
    keys = ring(folder)
    site = Site(product, keys.keys, Address(port=0, names=names), every=every, patience=patience)
    ready, loops = threading.Event(), list[asyncio.AbstractEventLoop]()

    def began(_: Address) -> None:
        loops.append(asyncio.get_running_loop())
        ready.set()

    thread = threading.Thread(target=site.run, args=(began,))
    thread.start()
    try:
        assert ready.wait(20)
        yield Client(site.address.port, keys.secrets, product, loops[0])
    finally:
        site.stop()
        thread.join(20)
    assert not thread.is_alive()


class Process(Client):
    """A server in a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = Prepared(str(SERVING), str(folder), *arguments)
        super().__init__(int(self._read()))

    def tell(self, word: str) -> int:
        """Have it stall or heal; its memory afterwards, MiB."""
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return int(self._read())

    def end(self, number: int) -> int:
        """Send it a signal; what it leaves with."""
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def _read(self) -> str:
        return self.process.stdout.readline()


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[Process]:
    """A server in a process of its own, killed in the end if it is still there."""
    process = Process(folder, *arguments)
    try:
        yield process
    finally:
        process.process.kill()
        process.process.communicate()
