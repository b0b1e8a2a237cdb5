"""The delivery of buffered signals as a state machine: no socket, no thread, no clock.

At most one batch is on its way. It is the head of the buffer, and stays there until the server has said what
became of it; so nothing is lost, and signals arrive in their order however often something fails. Sending a
batch again is harmless, because every signal has its key.
"""

import math

import msgspec

from autotroph.client.answers import Refused, Stats, Taken
from autotroph.client.buffer import Buffer
from autotroph.client.exchange import Outcome, Refusal, line_error, read, strange
from autotroph.client.pace import Luck, Pace
from autotroph.errors import AutotrophError


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is held, and how much is sent at a time.

    Attributes:
        events, bytes: that are buffered, those on their way included.
        batch_events, batch_bytes: that are sent at a time.
        linger: seconds that a batch gathers before it is sent although it is not full.
    """

    events: int = 10_000
    bytes: int = 2**24
    batch_events: int = 500
    batch_bytes: int = 2**20
    linger: float = 0.05


class Delivery:
    """What is buffered, which part of it is on its way, and what became of the rest.

    Args:
        limits: of buffer and batches.
        luck: spreads the attempts of many clients.
        url: of the server, for messages.

    Attributes:
        settled: how many signals, from the first on, are acknowledged or given up.
        trouble: why the last attempt failed; None where it did not.
    """

    def __init__(self, limits: Limits, luck: Luck, url: str) -> None:
        self._limits, self._pace, self._url = limits, Pace(luck), url
        self._buffer = Buffer(limits.events, limits.bytes)
        self._most = limits.batch_events
        self._sent = 0
        self._urgent = 0
        self._not_before = -math.inf
        self._refused = 0
        self.settled = 0
        self.trouble: AutotrophError | None = None

    @property
    def taken(self) -> int:
        """Signals that were ever taken."""
        return self.settled + len(self._buffer)

    @property
    def stats(self) -> Stats:
        """How it is."""
        return Stats(
            pending=len(self._buffer),
            pending_bytes=self._buffer.size,
            delivered=self.settled - self._refused,
            refused=self._refused,
            trouble=str(self.trouble or ""),
        )

    def offer(self, line: bytes, now: float) -> bool:
        """Take a signal; False where there is no room for it now: then nothing gathers any longer."""
        if not self._buffer.offer(line, now):
            self.hurry()
            return False
        return True

    def hurry(self) -> int:
        """Let what is buffered gather no longer; when `settled` has come to the result, all of it is."""
        self._urgent = self.taken
        return self.taken

    def due(self, now: float) -> float:
        """Seconds until a batch is to be sent; infinite while one is on its way, or nothing waits."""
        if self._sent or not self._buffer:
            return math.inf
        full = len(self._buffer) >= self._most or self._buffer.size >= self._limits.batch_bytes
        gathered = 0.0 if full or self.settled < self._urgent else self._buffer.since() + self._limits.linger
        return max(gathered, self._not_before, now) - now

    def take(self, now: float) -> bytes:
        """The batch that is to be sent now, as lines; empty if none is due. Then say what came of it."""
        if self.due(now) > 0:
            return b""
        lines = self._buffer.head(self._most, self._limits.batch_bytes)
        self._sent = len(lines)
        return b"\n".join(lines) + b"\n"

    def settle(self, outcome: Outcome, now: float) -> list[Refused]:
        """Take note of what came of the batch on its way; the signals that were refused for good."""
        sent, self._sent = self._sent, 0
        found = read(outcome, Taken, self._url)
        if isinstance(found, Taken) and not _adds_up(found, sent):
            found = strange(self._url, f"answered for other lines than the {sent} that it was sent")
        if isinstance(found, Taken):
            return self._taken(found, sent)
        if found.kind == "content":
            return self._amiss(found, sent)
        self.trouble = found.error
        self._not_before = now + self._pace.failed(found.after)
        return []

    def forget(self, error: AutotrophError) -> list[Refused]:
        """Give up everything that is buffered."""
        self._sent = 0
        return self._drop(len(self._buffer), dict.fromkeys(range(1, len(self._buffer) + 1), error))

    def _taken(self, taken: Taken, sent: int) -> list[Refused]:
        """All is settled, or as far as the refusals are named; the rest is asked for again."""
        named = {one.line: line_error(one.type, one.reason, one.first) for one in taken.refused}
        whole = taken.refused_count == len(named)
        self._went_well()
        return self._drop(sent if whole else max(named), named)

    def _amiss(self, refusal: Refusal, sent: int) -> list[Refused]:
        """A whole batch was refused for what is in it: halve it until the one at fault is alone."""
        if sent > 1:
            self._most, self._not_before = sent // 2, -math.inf
            return []
        self._went_well()
        return self._drop(1, {1: refusal.error})

    def _went_well(self) -> None:
        self._pace.succeeded()
        self._not_before = -math.inf
        self._most = min(2 * self._most, self._limits.batch_events)
        self.trouble = None

    def _drop(self, number: int, errors: dict[int, AutotrophError]) -> list[Refused]:
        lines = self._buffer.drop(number)
        self.settled += number
        self._refused += len(errors)
        return [Refused(msgspec.json.decode(lines[line - 1]), error) for line, error in errors.items()]


def _adds_up(taken: Taken, sent: int) -> bool:
    """Whether an answer speaks of each line that was sent, once."""
    numbers = [one.line for one in taken.refused]
    named = numbers == sorted(set(numbers)) and all(1 <= number <= sent for number in numbers)
    whole = taken.stored + taken.known + taken.refused_count == sent
    return (
        whole and named and len(numbers) <= taken.refused_count and (numbers != [] or not taken.refused_count)
    )
