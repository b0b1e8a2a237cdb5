"""Who may do what, from where: host, origin, key and scope, before a body is read."""

from collections.abc import Collection, Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from starlette.responses import Response

from autotroph.faces.http.head import Head
from autotroph.faces.http.refusals import Refusal
from autotroph.govern.keys import Key, Keys, Scope

Need = Scope | Literal[""]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE = ("GET", "HEAD")
_UNKNOWN = (
    "this key is not known here; known are the token that `autotroph serve` printed when it was last started,"
    " and the keys of `autotroph keys create`"
)
CROSS = frozenset({"authorization", "content-type", "content-encoding", "x-api-key"})
"""Headers that a page of another origin may send."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Who may come in by a route.

    Attributes:
        scope: that a key needs; empty where nobody needs a key.
        browsers: whether browser keys may use it, from their origins.
        page: whether people open it, so that a token may stand in its address.
    """

    scope: Need = ""
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

    def check_host(self, head: Head) -> None:
        """Refuse what was meant for somebody else."""
        said = head.all(b"host")
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

    def admit(self, door: Door, head: Head) -> Key | None:
        """The key that a request comes with; None where none is needed.

        Raises:
            Refusal: there is none, it is not known, or it may not do this from there.
        """
        if not door.scope:
            return None
        secret, in_address = _secret(door, head)
        key = self._keys.find(secret) if secret else None
        if key is None:
            raise _unauthenticated(_UNKNOWN if secret else "a key is needed")
        if in_address == "key" and not key.origins:
            raise Refusal("forbidden", "only browser keys may stand in an address; send this in a header")
        self._check_origin(key, door, head)
        if door.scope not in key.scopes:
            has = ", ".join(sorted(key.scopes)) or "nothing"
            raise Refusal("forbidden", f"this takes the scope {door.scope!r}; the key has {has}")
        return key

    def preflight(self, head: Head, methods: Collection[str]) -> Response:
        """The answer to a browser that asks whether a page of another origin may send a signal."""
        origin = head.get(b"origin")
        if origin not in self._keys.origins():
            raise Refusal("forbidden", f"no key is declared for pages of {origin!r:.80}")
        asked = {one.strip().lower() for one in head.get(b"access-control-request-headers").split(",")}
        if head.get(b"access-control-request-method") not in methods or asked - CROSS - {""}:
            may = f"{', '.join(methods)} with {', '.join(sorted(CROSS))}"
            raise Refusal("forbidden", f"a page of another origin may {may}")
        allowed = {
            "access-control-allow-origin": origin,
            "access-control-allow-methods": ", ".join(methods),
            "access-control-allow-headers": ", ".join(sorted(CROSS)),
            "access-control-max-age": "600",
        }
        return Response(status_code=204, headers=allowed)

    def share(self, head: Head, response: Response) -> None:
        """Let pages of declared origins read the answer."""
        response.raw_headers.append((b"vary", b"Origin"))
        origin = head.get(b"origin")
        if origin and origin in self._keys.origins():
            response.headers["access-control-allow-origin"] = origin
            response.headers["access-control-expose-headers"] = "Retry-After"

    def _check_origin(self, key: Key, door: Door, head: Head) -> None:
        origins = head.all(b"origin")
        if key.origins:
            if not door.browsers:
                raise Refusal("forbidden", "this is a key for browsers, which can only send signals")
            if len(origins) != 1 or origins[0] not in key.origins:
                raise Refusal("forbidden", "this key is only for pages of its origins", where="origin")
        elif head.method not in SAFE and any(not _same(one, head.get(b"host")) for one in origins):
            raise Refusal(
                "forbidden",
                "a page of another origin may not use this key; make one with --origin",
                where="origin",
            )


def _secret(door: Door, head: Head) -> tuple[str, str]:
    """The one credential of a request, and which part of the address it is in, if it is."""
    found = {_bearer(one): "" for one in head.all(b"authorization")}
    for one in head.all(b"x-api-key"):
        found[one] = ""
    place = "key" if door.browsers else "token" if door.page and head.method in SAFE else ""
    if place and head.asks:
        found = {**dict.fromkeys(head.query.getlist(place), place), **found}
    if len(found) > 1:
        raise _unauthenticated("two different keys; send one")
    return next(iter(found.items())) if found else ("", "")


def _bearer(said: str) -> str:
    scheme, _, secret = said.partition(" ")
    if scheme.lower() != "bearer":
        raise _unauthenticated("send the key as Authorization: Bearer …, or as x-api-key")
    return secret.strip()


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
