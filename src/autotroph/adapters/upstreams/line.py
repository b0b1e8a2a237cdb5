"""The connections to one upstream: kept alive, pooled, to allowed addresses only, and never redirected."""

import io
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote, urlsplit

import aiohttp
from yarl import URL

from autotroph.adapters.upstreams.addresses import any_socket, public_socket
from autotroph.errors import InputError, SpecError
from autotroph.spec.upstreams import CallSpec

IDLE = 30.0
"""Seconds that a connection is kept for the next call; servers that close earlier cost a retry."""

AT_ONCE = 2**20
"""Bytes that are written in one piece; more are written bit by bit."""

_OURS = frozenset({
    "authorization", "x-api-key", "api-key", "proxy-authorization", "cookie", "host", "content-length",
    "content-type", "accept-encoding", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
    "trailer", "expect",
})  # fmt: skip
"""Headers that a caller cannot give: they are about the connection, or are keys."""


class Line:
    """Sends calls to one upstream.

    Args:
        model: whose upstream it is, for messages.
        base_url: such as `https://llm.example.com/v1`.
        calls: how long a connection may take, and where it may lead.

    Raises:
        SpecError: the base URL cannot be one.
    """

    def __init__(self, model: str, base_url: str, calls: CallSpec) -> None:
        self.base = base_url.rstrip("/")
        self.host = _host(self.base, model)
        self._calls = calls
        self._session: aiohttp.ClientSession | None = None
        self._url = lru_cache(maxsize=64)(self._joined)

    async def send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        """The head of the answer, of whatever status.

        Raises:
            aiohttp.ClientError, OSError: there is no answer.
            InputError: the path leads out of the base URL.
        """
        data = body if len(body) < AT_ONCE else io.BytesIO(body)
        session = self._session or self._opened()
        return await session.request(
            method, self._url(path), data=data, headers=headers, allow_redirects=False
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        """Here and not before: a session belongs to a loop."""
        connector = aiohttp.TCPConnector(
            limit=0,  # how many are answered at once is for who serves to bound
            keepalive_timeout=IDLE,
            socket_factory=any_socket if self._calls.private else public_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": "autotroph", "accept-encoding": "identity"},
            timeout=aiohttp.ClientTimeout(
                total=None, connect=self._calls.connect, sock_connect=self._calls.connect
            ),
            trust_env=False,
        )
        return self._session

    def _joined(self, path: str) -> URL:
        """A path below the base URL; what is left of it after decoding may not lead anywhere else."""
        plain = unquote(unquote(path.partition("?")[0]))
        if not path.startswith("/") or "\\" in plain or {"..", "."} & set(plain.split("/")):
            raise InputError(f"{path!r:.100} is no path below {self.base}; such as /chat/completions")
        return URL(self.base + path.partition("#")[0], encoded=True)


def passed(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a caller that may be passed on."""
    return {name: text for name, text in headers.items() if name.lower() not in _OURS}


def told(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that are worth passing on: its type, its id, and what is left of a limit."""
    return {
        name.lower(): text
        for name, text in headers.items()
        if name.lower() in _WORTH or name.lower().startswith(_LIMITS)
    }


_WORTH = frozenset({
    "content-type", "content-disposition", "retry-after", "x-should-retry", "x-request-id", "request-id",
    "openai-processing-ms", "openai-version",
})  # fmt: skip
_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-")


def _host(base: str, model: str) -> str:
    try:
        parts = urlsplit(base)
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        raise SpecError(f"models.{model}.base_url is no URL; such as https://llm.example.com/v1") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
        raise SpecError(
            f"models.{model}.base_url is http:// or https://, a host and a path, with no password and no"
            " query; such as https://llm.example.com/v1"
        )
    return parts.netloc
