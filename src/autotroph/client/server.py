"""Where the server is, and the key for it."""

import os
import re
from urllib.parse import quote, urlsplit

from autotroph.errors import InputError

DEFAULT = "http://127.0.0.1:4780"

SIGNALS, IMPORTS, CHAT, HEALTH = "/v1/signals", "/v1/imports", "/v1/chat/completions", "/healthz"

_SOMEBODY = re.compile(r"//[^/?#]*@")


class Place:
    """An address in HTTP, below which something is asked for.

    Args:
        url: of it, as it was given.
        what: it is called where it was given.
        like: one that would do.

    Raises:
        InputError: it cannot be one.
    """

    def __init__(self, url: str, what: str, like: str) -> None:
        self.url = url.rstrip("/")
        shown = repr(_SOMEBODY.sub("//…@", self.url))[:200]
        try:
            parts = urlsplit(self.url)
            self.host, self.port = parts.hostname or "", parts.port
        except ValueError as error:
            raise InputError(f"{what} {shown}: {error}") from None
        known = parts.scheme in ("http", "https") and self.host
        if not known or parts.query or parts.fragment or "@" in parts.netloc:
            raise InputError(f"{what} {shown} is not like {like}")
        self.secure, self.prefix = parts.scheme == "https", parts.path

    def headers(self) -> dict[str, str]:
        """What is sent with every request, the key first of all."""
        return {}


class Server(Place):
    """A server's address, as it was given, or as the environment says.

    Args:
        base_url: of it; AUTOTROPH_BASE_URL if left out, else this machine's port 4780.
        api_key: for it; AUTOTROPH_API_KEY if left out.

    Raises:
        InputError: the address or the key cannot be one.
    """

    def __init__(self, base_url: str = "", api_key: str = "") -> None:
        url = base_url or os.environ.get("AUTOTROPH_BASE_URL") or DEFAULT
        super().__init__(url, "base_url", f"{DEFAULT}; see AUTOTROPH_BASE_URL")
        key = (api_key or os.environ.get("AUTOTROPH_API_KEY") or "").strip()
        if not (key.isascii() and key.isprintable()):
            raise InputError("the api_key holds characters that no key has; see AUTOTROPH_API_KEY")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def headers(self) -> dict[str, str]:
        """The key."""
        return self._headers


def decisions(task: str) -> str:
    """The path of a task's decisions."""
    return f"/v1/tasks/{quote(task, safe='')}/decisions"
