"""Where the server is, and the key for it."""

import os
from urllib.parse import quote, urlsplit

from autotroph.errors import InputError

DEFAULT = "http://127.0.0.1:4780"

SIGNALS, IMPORTS = "/v1/signals", "/v1/imports"


class Server:
    """A server's address, as it was given, or as the environment says.

    Args:
        base_url: of it; AUTOTROPH_BASE_URL if left out, else this machine's port 4780.
        api_key: for it; AUTOTROPH_API_KEY if left out.

    Raises:
        InputError: the address or the key cannot be one.
    """

    def __init__(self, base_url: str = "", api_key: str = "") -> None:
        self.url = (base_url or os.environ.get("AUTOTROPH_BASE_URL") or DEFAULT).rstrip("/")
        key = (api_key or os.environ.get("AUTOTROPH_API_KEY") or "").strip()
        try:
            parts = urlsplit(self.url)
            self.host, self.port = parts.hostname or "", parts.port
        except ValueError as error:
            raise InputError(f"base_url {self.url!r:.200}: {error}") from None
        if parts.scheme not in ("http", "https") or not self.host or parts.query or "@" in parts.netloc:
            raise InputError(f"base_url {self.url!r:.200} is not like {DEFAULT}; see AUTOTROPH_BASE_URL")
        if not (key.isascii() and key.isprintable()):
            raise InputError("the api_key holds characters that no key has; see AUTOTROPH_API_KEY")
        self.secure, self.prefix = parts.scheme == "https", parts.path
        self.headers = {"authorization": f"Bearer {key}"} if key else {}


def decisions(task: str) -> str:
    """The path of a task's decisions."""
    return f"/v1/tasks/{quote(task, safe='')}/decisions"
