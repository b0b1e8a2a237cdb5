"""People in what the gateway is asked: in no byte where that is declared, and gone once they are erased."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from officially import TOML, Asked, Gateway, Scripted, Told, gateway, whole
from servers import until

from autotroph.records import Signal

TASKS = """
[tasks.answer]
kind = "chat"
reward = "good"
[tasks.answer.variants]
quick = {{ model = "there" }}
[signals.mood]
type = "text"
about = "user"
[privacy]
redact = ["email", "phone", "card"]
"""
ANN, HOME, THREAD, ONCE = "ann@shop.example", "+49 30 90180000", "ann@thread.example", "ann@once.example"


@pytest.fixture
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture
def served(upstream: Scripted, tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, (TOML + TASKS).format(url=upstream.url)) as found:
        yield found


def ask(served: Gateway, text: str = "Why?", key: str = "", **more: Any) -> Any:
    said: Any = [{"role": "user", "content": text}]
    more["extra_headers"] = {"idempotency-key": key} if key else {}
    return served.client.chat.completions.with_raw_response.create(model="answer", messages=said, **more)


def kept(served: Gateway, folder: Path, *names: str) -> list[str]:
    """Those that are in any byte of any file."""
    served.product.store.append().durable()
    everything = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    return [one for one in names if one.encode() in everything]


def test_ids_that_give_somebody_away_are_in_no_byte(
    served: Gateway, upstream: Scripted, tmp_path: Path
) -> None:
    given: Any = {"user": ANN, "metadata": {"thread_id": THREAD}, "key": ONCE}
    first = ask(served, **given)
    assert ask(served, **given).parse().id == first.parse().id
    assert len(upstream.asked) == 1
    assert upstream.last.document["user"] == ANN  # what is passed on is passed on as it came
    made = served.made(first.parse().id)
    assert made.user == made.unit
    assert made.user.startswith("redacted~")
    assert len({made.user, made.session, made.key}) == 3
    assert served.made(ask(served, user=ANN).parse().id).user == made.user
    assert served.made(ask(served, user=HOME).parse().id).user != made.user
    assert served.made(ask(served, user="u42").parse().id).user == "u42"
    about = {"subject": ANN, "name": "mood", "value": "fine", "user": ANN, "key": ONCE}
    assert served.http.post("/v1/signals", about).value["status"] == "stored"
    signal = served.product.store.get(Signal)
    assert signal is not None
    assert signal.subject == signal.user == made.user
    served.came(first.parse().id)
    assert kept(served, tmp_path, ANN, HOME, THREAD, ONCE) == []
    assert served.product.erase(ANN).rows >= 5
    assert list(served.product.export(ANN)) == []
    assert ask(served, user=ANN).headers["x-autotroph-recorded"] == "no"


def test_who_is_erased_while_being_answered_is_not_answered_from_memory(
    served: Gateway, upstream: Scripted, tmp_path: Path
) -> None:
    go = threading.Event()

    def slowly(_: Asked) -> Told:
        go.wait(20)
        return Told(whole("You said flurb."))

    upstream.answer = slowly
    asking = threading.Thread(target=ask, args=(served, "flurb", "once"), kwargs={"user": "joe"})
    asking.start()
    until(lambda: len(upstream.asked) == 1)
    assert served.product.erase("joe").decisions == 1
    go.set()
    asking.join()
    again = ask(served, "flurb", "once", user="joe")
    assert len(upstream.asked) == 2
    assert again.headers["x-autotroph-recorded"] == "no"
    assert kept(served, tmp_path, "flurb", "joe") == []
