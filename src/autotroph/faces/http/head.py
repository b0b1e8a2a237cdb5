"""The head of a request: method, path, headers, and what its address asks for."""

from collections.abc import Callable

from starlette.datastructures import QueryParams
from starlette.types import Scope


class Leaving(set[Callable[[], object]]):
    """What is called when a connection is lost.

    Attributes:
        gone: whether it was, so that nothing that is added now is called any more.
    """

    gone = False


class Head:
    """What was said before the body; headers are asked for by their names in lower case, as bytes.

    Args:
        scope: as ASGI gives it.

    Attributes:
        leaving: what is called when the connection is lost.
    """

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]
        self._query: bytes = scope["query_string"]
        self._said: list[tuple[bytes, bytes]] = scope["headers"]
        self._by_name: dict[bytes, bytes] = dict(self._said)
        ours = scope.get("extensions", {}).get("autotroph", {})
        self.leaving: Leaving = ours.get("leaving", Leaving())

    def get(self, name: bytes) -> str:
        """A header, the last one of its name; empty where there is none."""
        return self._by_name.get(name, b"").decode("latin-1")

    def all(self, name: bytes) -> list[str]:
        """Every header of a name, without spaces around it."""
        if name not in self._by_name:
            return []
        if len(self._by_name) == len(self._said):  # no name came twice
            return [self._by_name[name].decode("latin-1").strip()]
        return [value.decode("latin-1").strip() for other, value in self._said if other == name]

    def below(self, prefix: str) -> str:
        """The path after a prefix, with what the address asks for, as both were sent."""
        path = self.path.removeprefix(prefix.encode()).decode("latin-1")
        return f"{path}?{self._query.decode('latin-1')}" if self._query else path

    def __contains__(self, name: bytes) -> bool:
        return name in self._by_name

    @property
    def query(self) -> QueryParams:
        """What the address asks for."""
        return QueryParams(self._query)

    @property
    def asks(self) -> bool:
        """Whether its address asks for anything."""
        return bool(self._query)
