"""Who may do what, from where: host, origin, key and scope, before a body is read."""

from collections.abc import Collection, Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal, Protocol
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from autotroph.faces.http.refusals import Refusal

Scope = Literal["", "signals", "decide", "read", "operate"]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE = ("GET", "HEAD")
CROSS = frozenset({"authorization", "content-type", "content-encoding", "x-api-key"})
"""Headers that a page of another origin may send."""


class Key(Protocol):
    """What a credential stands for; a key with origins is for browsers there, and for nothing else."""

    @property
    def name(self) -> str:
        """Of the key, for the journal."""

    @property
    def scopes(self) -> Collection[str]:
        """What it may do."""

    @property
    def origins(self) -> Collection[str]:
        """From which pages it may be used."""

    @property
    def vouches(self) -> bool:
        """Whether it vouches for the users that it names."""


class Keys(Protocol):
    """The keys that count at the moment."""

    def find(self, secret: str) -> Key | None:
        """The key that a secret opens; None where it opens none, or no longer."""

    def origins(self) -> Collection[str]:
        """Of all browser keys."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Who may come in by a route.

    Attributes:
        scope: that a key needs; empty where nobody needs a key.
        browsers: whether browser keys may use it, from their origins.
        page: whether people open it, so that a token may stand in its address.
    """

    scope: Scope = ""
    browsers: bool = False
    page: bool = False


class Guard:
    """Stands before every route.

    Args:
        keys: that count.
        hosts: names by which the server may be asked, besides those of the loopback; without this, a page
            whose name was made to point here could speak to it from a browser.
        any_address: whether it may be asked by any address, because it listens on all of them. An address
            cannot be made to point elsewhere.
    """

    def __init__(self, keys: Keys, hosts: Iterable[str] = (), *, any_address: bool = False) -> None:
        self._keys, self._any_address = keys, any_address
        self._hosts = LOOPBACK | {one.lower() for one in hosts}

    def check_host(self, headers: Headers) -> None:
        """Refuse what was meant for somebody else."""
        said = headers.getlist("host")
        if len(said) != 1:
            raise Refusal("bad_request", "a request has one Host header", where="host")
        name = _name(said[0])
        if name in self._hosts or (self._any_address and _is_address(name)):
            return
        raise Refusal(
            "misdirected",
            f"asked for {name!r:.80}, which is no name of this server; --allow-host adds one",
            where="host",
        )

    def admit(self, door: Door, request: Request) -> Key | None:
        """The key that a request comes with; None where none is needed.

        Raises:
            Refusal: there is none, it is not known, or it may not do this from there.
        """
        if not door.scope:
            return None
        secret, in_address = _secret(door, request)
        key = self._keys.find(secret) if secret else None
        if key is None:
            raise _unauthenticated("this key is not known here" if secret else "a key is needed")
        if in_address == "key" and not key.origins:
            raise Refusal("forbidden", "only browser keys may stand in an address; send this in a header")
        self._check_origin(key, door, request)
        if door.scope not in key.scopes:
            has = ", ".join(sorted(key.scopes)) or "nothing"
            raise Refusal("forbidden", f"this takes the scope {door.scope!r}; the key has {has}")
        return key

    def preflight(self, headers: Headers, methods: Collection[str]) -> Response:
        """The answer to a browser that asks whether a page of another origin may send a signal."""
        origin = headers.get("origin", "")
        if origin not in self._keys.origins():
            raise Refusal("forbidden", f"no key is declared for pages of {origin!r:.80}", headers=_VARY)
        asked = {one.strip().lower() for one in headers.get("access-control-request-headers", "").split(",")}
        if headers.get("access-control-request-method") not in methods or asked - CROSS - {""}:
            may = f"{', '.join(methods)} with {', '.join(sorted(CROSS))}"
            raise Refusal("forbidden", f"a page of another origin may {may}", headers=_VARY)
        allowed = {
            "access-control-allow-origin": origin,
            "access-control-allow-methods": ", ".join(methods),
            "access-control-allow-headers": ", ".join(sorted(CROSS)),
            "access-control-max-age": "600",
        }
        return Response(status_code=204, headers={**_VARY, **allowed})

    def share(self, headers: Headers, response: Response) -> None:
        """Let pages of declared origins read the answer."""
        response.headers["vary"] = "Origin"
        origin = headers.get("origin", "")
        if origin and origin in self._keys.origins():
            response.headers["access-control-allow-origin"] = origin
            response.headers["access-control-expose-headers"] = "Retry-After"

    def _check_origin(self, key: Key, door: Door, request: Request) -> None:
        origins = request.headers.getlist("origin")
        if key.origins:
            if not door.browsers:
                raise Refusal("forbidden", "this is a key for browsers, which can only send signals")
            if len(origins) != 1 or origins[0] not in key.origins:
                raise Refusal("forbidden", "this key is only for pages of its origins", where="origin")
        elif request.method not in SAFE and any(not _same(one, request.headers["host"]) for one in origins):
            raise Refusal(
                "forbidden",
                "a page of another origin may not use this key; make one with --origin",
                where="origin",
            )


_VARY = {"vary": "Origin"}


def _secret(door: Door, request: Request) -> tuple[str, str]:
    """The one credential of a request, and which part of the address it is in, if it is."""
    headers = request.headers
    found = {(one.strip(), "") for one in headers.getlist("x-api-key")}
    for one in headers.getlist("authorization"):
        scheme, _, secret = one.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthenticated("send the key as Authorization: Bearer …, or as x-api-key")
        found.add((secret.strip(), ""))
    place = "key" if door.browsers else "token" if door.page and request.method in SAFE else ""
    if place:
        found |= {(one, place) for one in request.query_params.getlist(place)}
    if len({secret for secret, _ in found}) > 1:
        raise _unauthenticated("two different keys; send one")
    return min(found, key=lambda one: one[1], default=("", ""))


def _unauthenticated(message: str) -> Refusal:
    return Refusal("unauthenticated", message, headers={"www-authenticate": 'Bearer realm="autotroph"'})


@lru_cache(maxsize=64)
def _name(host: str) -> str:
    """The name in a Host header, without its port; empty where it is none.

    >>> _name("LocalHost:4780"), _name("[::1]:4780"), _name("a@b")
    ('localhost', '::1', '')
    """
    try:
        parts = urlsplit(f"//{host}")
        port, name = parts.port, parts.hostname
    except ValueError:
        return ""
    plain = not (parts.path or parts.query or parts.fragment or "@" in host)
    return (name or "").rstrip(".") if plain and port != 0 else ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _same(origin: str, host: str) -> bool:
    """Whether a page's origin is this server itself, by whichever scheme a proxy offers it.

    >>> _same("http://127.0.0.1:4780", "127.0.0.1:4780"), _same("null", "127.0.0.1")
    (True, False)
    """
    scheme, separator, rest = origin.partition("://")
    return bool(separator) and scheme in ("http", "https") and rest.lower() == host.lower()
