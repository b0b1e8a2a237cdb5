"""The head of a request: method, path, headers, and what its address asks for."""

from functools import cached_property

from starlette.datastructures import QueryParams
from starlette.types import Scope


class Head:
    """What was said before the body; names of headers are lower case.

    Args:
        scope: as ASGI gives it.
    """

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]
        self._query: bytes = scope["query_string"]
        self._raw: list[tuple[bytes, bytes]] = scope["headers"]
        self._by_name: dict[bytes, bytes] = dict(self._raw)

    def get(self, name: str) -> str:
        """A header, the last one of its name; empty where there is none."""
        return self._by_name.get(name.encode(), b"").decode("latin-1")

    def all(self, name: str) -> list[str]:
        """Every header of a name, without spaces around it."""
        wanted = name.encode()
        if wanted not in self._by_name:
            return []
        if len(self._by_name) == len(self._raw):
            return [self.get(name).strip()]
        return [value.decode("latin-1").strip() for other, value in self._raw if other == wanted]

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._by_name

    @cached_property
    def query(self) -> QueryParams:
        """What the address asks for."""
        return QueryParams(self._query)
