"""What a route is, what a call of one is, and how a path finds its route."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.responses import Response

from autotroph.faces.http.bodies import Body
from autotroph.faces.http.guard import Door
from autotroph.faces.http.head import Head
from autotroph.faces.http.refusals import Refusal
from autotroph.faces.http.service import Service
from autotroph.govern.keys import Key

T = TypeVar("T", bound=msgspec.Struct)
LONGEST_NAME = 256
REST = "{rest}"
"""At the end of a path: all that is left of it, whatever that is."""

PREFIX = b"/v1"
"""What stands before the paths that OpenAI's clients ask for; their base URL ends in it."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was let in.

    Attributes:
        service: what answers it.
        routes: all there are.
        head: of the request.
        body: what follows its head.
        names: from its path.
        key: that it came with; None where none is needed.
    """

    service: Service
    routes: "Sequence[Route]"
    head: Head
    body: Body
    names: dict[str, str]
    key: Key | None

    @property
    def vouched(self) -> bool:
        """Whether the caller vouches for the users that it names."""
        return self.key is not None and self.key.vouches

    @property
    def by(self) -> str:
        """Who it is, for the journal."""
        return f"key {self.key.name!r}" if self.key else "nobody"

    def query(self, kind: type[T]) -> T:
        """What the address asks for.

        Raises:
            Refusal: an unknown name, one that comes twice, or a value out of range.
        """
        given = self.head.query.multi_items()
        named = dict(given)
        if len(named) < len(given):
            raise Refusal("invalid", "a name comes twice in the address; say it once", where="query")
        try:
            return msgspec.convert(named, kind, strict=False)
        except msgspec.ValidationError as error:
            raise Refusal("invalid", f"query: {error}", where="query") from None


Handler = Callable[[Call], Awaitable[Response]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be asked for.

    Attributes:
        method, path: of it; `{name}` is a part of the path.
        door: who may.
        summary: what it does, in a line.
        handler: does it.
        takes: the body of a request, a struct or a union of them; None where there is none.
        gives: the body of an answer.
        lines: what the lines of a stream are answered with; None where no stream is taken.
        query: what the address may say.
        gives_lines: whether the answer is a stream of lines, each such a body.
        refuses: statuses with which it may answer, beyond those that every route has.
    """

    method: str
    path: str
    door: Door = Door()
    summary: str
    handler: Handler
    takes: Any = None
    gives: Any
    lines: Any = None
    query: type[msgspec.Struct] | None = None
    gives_lines: bool = False
    refuses: tuple[int, ...] = ()


class Table:
    """All routes, by their paths."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._exact: dict[bytes, dict[str, Route]] = {}
        self._named: dict[tuple[str, ...], dict[str, Route]] = {}
        self._rest: dict[bytes, dict[str, Route]] = {}
        for route in routes:
            if route.path.endswith(REST):
                self._rest.setdefault(route.path.removesuffix(REST).encode(), {})[route.method] = route
            elif "{" in route.path:
                self._named.setdefault(tuple(route.path.split("/")), {})[route.method] = route
            else:
                self._exact.setdefault(route.path.encode(), {})[route.method] = route

    def find(self, raw_path: bytes) -> tuple[Mapping[str, Route], dict[str, str]]:
        """The routes of a path by method, and the names in it.

        The path is taken as it was sent, so that a slash within a name may be written as %2F.

        Raises:
            Refusal: there is nothing there, or the path is not to be read in one way.
        """
        if found := self._exact.get(raw_path):
            return found, {}
        parts = [_decoded(part) for part in raw_path.split(b"/")]
        for shape, methods in self._named.items():
            if len(shape) == len(parts) and (names := _names(shape, parts)) is not None:
                return methods, names
        for prefix, methods in self._rest.items():
            if raw_path.startswith(prefix):
                return methods, {}
        raise Refusal("not_found", self._nothing_at(raw_path))

    def _nothing_at(self, raw_path: bytes) -> str:
        """What somebody is told who asked for what there is not; most who do have left out the /v1."""
        there = "there is nothing at this path; GET /openapi.json has what there is"
        if PREFIX + raw_path not in self._exact:
            return there
        return f"{there}. Did you mean {(PREFIX + raw_path).decode()}? A client's base_url ends in /v1"


def _names(shape: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    names = {}
    for expected, part in zip(shape, parts, strict=True):
        if expected.startswith("{") and part:
            names[expected[1:-1]] = part
        elif expected != part:
            return None
    return names


def _decoded(part: bytes) -> str:
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise Refusal("bad_request", "a part of the path is not UTF-8", where="path") from None
    if not text.isprintable() or text in (".", "..") or len(text) > LONGEST_NAME:
        raise Refusal("bad_request", f"a part of the path cannot be: {text!r:.80}", where="path")
    return text
