"""What is said before a body: the heads of requests, and what of other heads is passed on."""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import SplitResult, unquote

from autotroph.errors import InputError

_OURS = frozenset({
    "authorization", "x-api-key", "api-key", "proxy-authorization", "cookie", "host", "content-length",
    "content-type", "accept-encoding", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
    "trailer", "expect", "proxy-connection",
})  # fmt: skip
"""Headers that a caller cannot give: they are about the connection, or are keys."""

_DEFAULT = {"user-agent": "autotroph", "accept": "*/*"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\0-\x08\n-\x1f\x7f]")
_TARGET = re.compile(r"[!-~]+")


class Heads:
    """The heads of requests to one upstream.

    Args:
        base: its URL, without anything behind the path.
    """

    def __init__(self, base: SplitResult) -> None:
        self._base = base
        self._begun = lru_cache(maxsize=64)(self._begin)  # most calls say the same, but for the length

    def of(self, method: str, path: str, headers: Mapping[str, str], length: int) -> bytes:
        """The head of a request.

        Args:
            method: in HTTP.
            path: below the base URL, with its query.
            headers: by their names in lower case.
            length: of the body, in bytes.

        Raises:
            InputError: the path leads out of the base URL, or a head cannot hold what is in it.
        """
        begun = self._begun(method, path, *headers.items())
        return begun + (b"content-length: %d\r\n\r\n" % length if length or method not in _BARE else b"\r\n")

    def _begin(self, method: str, path: str, *headers: tuple[str, str]) -> bytes:
        """All of a head but the length."""
        if not _is_token(method):
            raise InputError(f"{method!r:.20} is no method of HTTP; such as POST")
        said = [
            f"{method} {self._target(path)} HTTP/1.1\r\nhost: {self._base.netloc}\r\n"
            "accept-encoding: identity\r\n"
        ]
        for name, text in {**_DEFAULT, **dict(headers)}.items():
            if _CONTROL.search(text) or not _is_token(name):
                raise InputError(f"the header {name!r:.60} holds characters that no header can; leave it out")
            said.append(f"{name}: {text}\r\n")
        try:
            return "".join(said).encode()
        except UnicodeEncodeError:
            raise InputError("a header holds characters that cannot be encoded; leave it out") from None

    def _target(self, path: str) -> str:
        """A path below the base URL; what is left of it after decoding may not lead anywhere else."""
        plain = unquote(unquote(path.partition("?")[0]))
        target = self._base.path + path.partition("#")[0]
        astray = "\\" in plain or {"..", "."} & set(plain.split("/"))
        if not path.startswith("/") or astray or not _TARGET.fullmatch(target):
            raise InputError(
                f"{path!r:.100} is no path below {self._base.geturl()}; such as /chat/completions"
            )
        return target


_BARE = frozenset({"GET", "HEAD"})
"""Methods that have no body as a rule, so that none is announced."""


def passed(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a caller that may be passed on, by their names in lower case."""
    return {key: text for name, text in headers.items() if (key := name.lower()) not in _OURS}


def told(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that are worth passing on: its type, its id, and what is left of a limit.

    Args:
        headers: by their names in lower case.
    """
    return {name: text for name, text in headers.items() if name in _WORTH or name.startswith(_LIMITS)}


_WORTH = frozenset({
    "content-type", "content-disposition", "retry-after", "x-should-retry", "x-request-id", "request-id",
    "openai-processing-ms", "openai-version",
})  # fmt: skip
_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-")


@lru_cache(maxsize=1024)
def _is_token(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None
