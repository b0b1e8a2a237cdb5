"""How a model that answers outside this process is called: how long, how often again, and where it may be."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from autotroph.spec.declared import Declared
from autotroph.spec.durations import Duration
from autotroph.spec.numbers import Count, ShareOrNone

_VISIBLE = re.compile(r"[!-~]+")

Retries = Annotated[int, Meta(ge=0, le=10, description="a whole number from 0 to 10")]


class CallSpec(Declared, frozen=True, kw_only=True):
    """What is waited for, what is tried again, and when nothing is asked any more.

    Attributes:
        connect: to look its address up, to connect and to agree on encryption.
        first_token: from asking until something of a streamed answer has come; keep-alives do not count.
        between_tokens: of a streamed answer, from then on.
        total: all of it, with what is tried again.
        retries: how often a call is tried again, at most; before its first token, and where that is safe.
        retry_share: of the calls; more is not tried again, so that a broken upstream is not buried.
        retry_wait: the longest that is waited before trying again; whoever asks for more is not asked again.
        break_after: faults in a row after which nothing is asked for a while.
        break_for: how long that is; then one call at a time shows whether it answers again.
        private: whether it may be at a private, loopback or link-local address.
        ask_usage: whether streams are asked for their usage where the caller did not; it is kept then.
    """

    connect: Duration = Duration(5.0)
    first_token: Duration = Duration(60.0)
    between_tokens: Duration = Duration(60.0)
    total: Duration = Duration(600.0)
    retries: Retries = 2
    retry_share: ShareOrNone = 0.1
    retry_wait: Duration = Duration(5.0)
    break_after: Count = 10
    break_for: Duration = Duration(10.0)
    private: bool = False
    ask_usage: bool = True


def base_fault(url: str) -> str:
    """Why a base URL can be none; empty where it can. What it is like is not repeated: it may hold a key.

    >>> base_fault("https://llm.example.com/v1"), base_fault("http://me:secret@llm.example.com/v1")
    ('', 'holds a password; use api_key = "env:NAME"')
    """
    wanted = 'expected http:// or https://, a host and a path, such as "https://llm.example.com/v1"'
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError:
        return wanted
    if "@" in parts.netloc:
        return 'holds a password; use api_key = "env:NAME"'
    if "?" in url or "#" in url:  # where keys are put, too
        return 'has more behind its path; a key goes in api_key = "env:NAME"'
    if parts.scheme not in ("http", "https") or port == 0 or not _VISIBLE.fullmatch(host + parts.path):
        return wanted
    return "" if host else wanted
