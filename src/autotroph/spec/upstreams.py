"""How a model that answers outside this process is called: how long, how often again, and where it may be."""

from typing import Annotated

from msgspec import Meta

from autotroph.spec.declared import Declared
from autotroph.spec.durations import Duration
from autotroph.spec.numbers import Count, ShareOrNone

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
