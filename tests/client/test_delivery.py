"""The state machine, against every order of events, outcomes and time that hypothesis thinks of."""

import math

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autotroph.client.answers import Refused, RefusedLine, Taken
from autotroph.client.delivery import Delivery, Limits
from autotroph.client.exchange import Lost, Outcome, Response
from autotroph.errors import Conflict, Erased, InputError, LedgerError, Overloaded

URL = "http://server"
LOST = Lost("reset")


class Model:
    """A server that stores each key once, refuses some signals, and chokes on batches with others."""

    def __init__(self) -> None:
        self.stored: dict[int, None] = {}

    def answer(self, batch: bytes, named: int = 100) -> Response:
        signals = [msgspec.json.decode(line) for line in batch.splitlines()]
        if any(one["kind"] == "toxic" for one in signals):
            return error(422, "invalid", "one of them cannot be read")
        new = known = 0
        refused = []
        for line, one in enumerate(signals, 1):
            if one["kind"] == "poison":
                refused.append(RefusedLine(line=line, reason="no such signal"))
            elif one["n"] in self.stored:
                known += 1
            else:
                self.stored[one["n"]] = None
                new += 1
        taken = Taken(stored=new, known=known, refused=tuple(refused[:named]), refused_count=len(refused))
        return Response(status=200, body=msgspec.json.encode(taken))


def error(status: int, type_: str = "", message: str = "no", retry_after: str = "") -> Response:
    body = msgspec.json.encode({"error": {"type": type_, "message": message}}) if type_ else b"<html>"
    return Response(status=status, body=body, headers={"retry-after": retry_after})


TROUBLE = [
    LOST,
    error(503, "unavailable", retry_after="3"),
    error(500),
    error(502),
    error(401, "unauthenticated"),
    error(400),  # somebody on the way, who knows nothing of what was sent
    Response(status=200, body=b"<html>welcome to the hotel</html>"),
    Response(status=200, body=b'{"stored": 1000}'),
    Response(status=200, body=b'{"stored": -1, "refused_count": 2, "refused": [{"line": 1, "reason": "x"}]}'),
    Response(status=302),
]


class Deliveries(RuleBasedStateMachine):
    @initialize(events=st.integers(1, 12), bytes_=st.integers(60, 600), batch=st.integers(1, 6))
    def begin(self, events: int, bytes_: int, batch: int) -> None:
        self.limits = Limits(events=events, bytes=bytes_, batch_events=batch, batch_bytes=200, linger=0.05)
        self.delivery = Delivery(self.limits, lambda: 0.5, URL)
        self.server, self.now, self.batch = Model(), 0.0, b""
        self.offered: list[str] = []
        self.refused: list[int] = []
        self.delivered: list[int] = []

    @rule(kind=st.sampled_from(["good"] * 6 + ["poison", "toxic"]), length=st.integers(0, 30))
    def offer(self, kind: str, length: int) -> None:
        line = msgspec.json.encode({"n": len(self.offered), "kind": kind, "text": "x" * length})
        before = self.delivery.stats
        fits = before.pending < self.limits.events and before.pending_bytes + len(line) < self.limits.bytes
        assert self.delivery.offer(line, self.now) is fits
        if fits:
            self.offered.append(kind)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.06, 1.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def hurry(self) -> None:
        assert self.delivery.hurry() == len(self.offered)

    @rule()
    def take(self) -> None:
        due = self.delivery.due(self.now)
        batch = self.delivery.take(self.now)
        assert bool(batch) is (due <= 0)
        if batch:
            assert not self.batch
            self.batch = batch
            lines = batch.splitlines()
            assert len(lines) <= self.limits.batch_events
            assert len(batch) <= self.limits.batch_bytes or len(lines) == 1

    @precondition(lambda self: self.batch)
    @rule(named=st.integers(1, 3))
    def answered(self, named: int) -> None:
        self.settle(self.server.answer(self.batch, named))

    @precondition(lambda self: self.batch)
    @rule()
    def acknowledgement_lost(self) -> None:
        self.server.answer(self.batch)
        self.in_vain(LOST)

    @precondition(lambda self: self.batch)
    @rule(outcome=st.sampled_from(TROUBLE))
    def in_vain(self, outcome: Outcome) -> None:
        settled = self.delivery.settled
        self.settle(outcome)
        assert self.delivery.settled == settled
        assert self.delivery.trouble is not None
        assert 0 < self.delivery.due(self.now) < math.inf

    @invariant()
    def bounded(self) -> None:
        stats = self.delivery.stats
        assert stats.pending <= self.limits.events
        assert stats.pending_bytes <= self.limits.bytes

    @invariant()
    def each_signal_is_in_one_place(self) -> None:
        stats = self.delivery.stats
        assert stats.pending + self.delivery.settled == len(self.offered)
        assert sorted(self.delivered + self.refused) == list(range(self.delivery.settled))
        assert (stats.delivered, stats.refused) == (len(self.delivered), len(self.refused))

    @invariant()
    def what_is_acknowledged_is_stored_and_in_order(self) -> None:
        assert set(self.delivered) <= self.server.stored.keys()
        assert list(self.server.stored) == sorted(self.server.stored)

    def teardown(self) -> None:
        for _ in range(2000):
            if not self.delivery.stats.pending:
                break
            self.now += 100.0
            self.batch = self.batch or self.delivery.take(self.now)
            self.settle(self.server.answer(self.batch))
        good = [n for n, kind in enumerate(self.offered) if kind == "good"]
        assert self.delivered == good
        assert list(self.server.stored) == good
        assert len(self.refused) == len(self.offered) - len(good)

    def settle(self, outcome: Outcome) -> None:
        before = self.delivery.settled
        refused = [one.signal["n"] for one in self.delivery.settle(outcome, self.now)]
        self.batch = b""
        self.refused += refused
        self.delivered += [n for n in range(before, self.delivery.settled) if n not in refused]


class ManyDeliveries(Deliveries):
    pass


Deliveries.TestCase.settings = settings(max_examples=50, stateful_step_count=50)
ManyDeliveries.TestCase.settings = settings(max_examples=500, stateful_step_count=80)
TestDeliveries = Deliveries.TestCase
TestManyDeliveries = pytest.mark.slow(ManyDeliveries.TestCase)


def delivery(**limits: float) -> Delivery:
    return Delivery(Limits(**limits), lambda: 0.0, URL)


def test_a_batch_gathers_for_a_moment_or_until_it_is_full():
    one = delivery(linger=0.05, batch_events=3)
    assert one.due(0.0) == math.inf
    assert one.offer(b"{}", 0.0)
    assert one.due(0.0) == 0.05
    assert one.due(0.04) == pytest.approx(0.01)
    assert one.due(9.0) == 0.0
    assert one.offer(b"{}", 0.0)
    assert one.take(0.0) == b""
    assert one.offer(b"{}", 0.0)
    assert one.take(0.0) == b"{}\n{}\n{}\n"
    assert one.due(9.0) == math.inf


def test_retry_after_is_honoured_and_waits_grow():
    one = delivery()
    one.offer(b"{}", 0.0)
    one.hurry()
    waits = []
    for outcome in (LOST, LOST, error(503, "unavailable", retry_after="7"), LOST):
        assert one.take(100.0 * len(waits))
        one.settle(outcome, 100.0 * len(waits))
        waits.append(one.due(100.0 * len(waits)))
    assert waits == pytest.approx([0.05, 0.1, 7.0, 0.4])


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (RefusedLine(line=1, reason="other", first={"value": True}), Conflict),
        (RefusedLine(line=1, reason="gone", type="erased"), Erased),
        (RefusedLine(line=1, reason="no such signal"), InputError),
    ],
)
def test_a_refused_line_is_the_error_that_the_library_raises(line, kind):
    one = delivery(linger=0.0)
    one.offer(b'{"name":"kept"}', 0.0)
    assert one.take(0.0)
    body = msgspec.json.encode(Taken(refused=(line,), refused_count=1))
    (refused,) = one.settle(Response(status=200, body=body), 0.0)
    assert refused.signal == {"name": "kept"}
    assert type(refused.error) is kind
    assert str(refused.error) == line.reason
    assert getattr(refused.error, "first", line.first) == line.first


def test_what_is_given_up_is_said():
    one = delivery()
    one.offer(b'{"n":1}', 0.0)
    one.hurry()
    one.take(0.0)
    one.offer(b'{"n":2}', 0.0)
    gone = LedgerError("closed")
    assert one.forget(gone) == [Refused({"n": 1}, gone), Refused({"n": 2}, gone)]
    assert one.settled == one.taken == 2


def test_trouble_is_the_last_attempts():
    one = delivery(linger=0.0)
    one.offer(b"{}", 0.0)
    one.take(0.0)
    one.settle(error(503, "unavailable", "the disk is full"), 0.0)
    assert isinstance(one.trouble, Overloaded)
    assert "the disk is full" in one.stats.trouble
    one.take(9.0)
    one.settle(Response(status=200, body=b'{"known": 1}'), 9.0)
    assert one.trouble is None
