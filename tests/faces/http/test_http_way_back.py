"""The way back over HTTP: nothing else that is asked for stands in it, and it says what is written down."""

import threading
from pathlib import Path
from typing import Any

from servers import Client, Process, served, started, until

from autotroph.records import Entry
from autotroph.spec.policies import First
from promoted_product import promote

DECIDE = "/v1/tasks/route/decisions"


def release(client: Client, number: int) -> str:
    found: str = client.post(DECIDE, {"inputs": {"text": "?"}, "user": f"u{number}"}).value["release"]
    return found


def test_it_waits_for_no_cycle_and_for_nobody_who_does(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        client.post(DECIDE, {"inputs": {}, "user": "ann"})
        zero = client.product.rooms.desks["route"].standing.main.release.id
        better = promote(client.product, "better", "route")
        turning = client.product._turning
        turning.acquire()
        cycles = [threading.Thread(target=client.post, args=("/v1/cycle",)) for _ in range(4)]
        try:
            for one in cycles:
                one.start()
            assert better in {release(client, number) for number in range(20)}
            answer: dict[str, Any] = client.post("/v1/rollback", {}).value
            assert (answer["release"], answer["recorded"]) == (zero, False)
            assert "cycle is under way" in answer["reason"]
            assert {release(client, number) for number in range(20, 40)} == {zero}
            needs = [one["subject"] for one in client.get("/v1/status").value["needs"]]
            assert "way back" in needs
        finally:
            turning.release()
            for one in cycles:
                one.join(60)
        until(lambda: client.product.store.get(Entry, event="rolled back by hand") is not None)
        assert client.product.rooms.desks["route"].standing.main.release.id == zero


def test_on_a_disk_that_stands_still_it_is_answered_and_said(tmp_path: Path) -> None:
    with started(tmp_path) as server:
        assert prepared(server)
        server.tell("stall")
        assert prepared(server)  # answered; the store finds out
        until(lambda: server.get("/readyz").status == 503)
        answer = server.post("/v1/rollback", {"to": "release 0"})
        assert (answer.status, answer.value["recorded"]) == (200, False)
        assert answer.value["reason"]
        server.tell("heal")
        until(lambda: "rolled back by hand" in events(server))


def prepared(server: Process) -> bool:
    return server.post(DECIDE, {"inputs": {"text": "?"}, "user": "ann"}).status == 200


def events(server: Process) -> list[str]:
    return [one["event"] for one in server.get("/v1/journal").value["items"]]


def test_the_switch_is_told_where_it_is_and_that_it_is_pulled(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        client.product.propose("route", "cards first", policy=First())
        place = Path(client.get("/v1/status").value["killswitch"])
        assert place == client.product.back.switch.path
        place.touch()
        until(lambda: "kill switch pulled" in [one.event for one in client.product.store.scan(Entry)])
        (need,) = [one for one in client.get("/v1/status").value["needs"] if one["subject"] == "way back"]
        assert str(place) in need["what"]
