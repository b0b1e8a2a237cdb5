"""A server that could not answer is left alone for a while, where there is another way."""

import logging
import math

from autotroph.client.exchange import Refusal
from autotroph.client.pace import Luck, Pace

_LOG = logging.getLogger("autotroph.client")
LOOKS = 10.0
"""Seconds that one call has to find out whether the server is back; meanwhile all others go the other way."""


class Rest:
    """Whether a server is asked now, and how long not.

    Args:
        luck: spreads the attempts of many clients.
    """

    def __init__(self, luck: Luck) -> None:
        self._pace, self._ends = Pace(luck), -math.inf
        self._last: Refusal | None = None
        self._looks = False

    def now(self, at: float) -> Refusal | None:
        """Why it is not asked now; None where it is, and then whoever asks says what came of it.

        Args:
            at: seconds on a monotonic clock.
        """
        last = self._last
        if last is None:
            return None
        if at < self._ends:
            return last
        self._ends, self._looks = at + LOOKS, True
        return None

    def failed(self, refusal: Refusal, at: float, least: float = 0.0) -> None:
        """Leave it alone from now on: at least so many seconds, and longer with each failure in a row."""
        if self._last is None:
            _LOG.warning("%s; it is left alone for a while", refusal.error)
        if self._last is None or self._looks:  # those that were under way with the first say nothing new
            self._ends, self._looks = at + self._pace.failed(max(refusal.after, least)), False
        self._last = refusal

    def succeeded(self) -> None:
        """It is back."""
        self._last = None
        self._pace.succeeded()
