"""Decisions, and what is known and done by hand, over HTTP: the same as in the library."""

import json

import pytest
from servers import Client, served, signal, until

from autotroph.faces.library import Product
from autotroph.records import Decision, Entry
from autotroph.spec.policies import First
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import Disk

DECIDE = "/v1/tasks/route/decisions"


class TestDeciding:
    def test_a_decision_is_on_disk_when_it_says_so(self, client: Client) -> None:
        said = {"inputs": {"text": "lost my card"}, "user": "u1", "session": "s1"}
        made = client.post(DECIDE, said).value
        assert (made["recorded"], made["reason"]) == (True, "")
        assert made["option"] == made["output"]
        assert sum(one["probability"] for one in made["options"]) == pytest.approx(1.0)
        stored = client.product.store.get(Decision, id=made["id"])
        assert stored is not None
        assert (stored.user, stored.inputs, stored.release) == ("u1", said["inputs"], made["release"])

    def test_the_key_says_whether_the_user_is_verified(self, client: Client) -> None:
        id_ = client.post(DECIDE, {"user": "u2"}, key="decide").value["id"]
        stored = client.product.store.get(Decision, id=id_)
        assert stored is not None
        assert stored.verified

    def test_the_same_key_gives_the_same_decision(self, client: Client) -> None:
        said = {"inputs": {"text": "?"}, "user": "u3", "key": "once"}
        first, again = (client.post(DECIDE, said).value for _ in range(2))
        assert first == again
        other = client.post(DECIDE, {**said, "inputs": {"text": "!"}})
        assert (other.status, other.error["first"]["inputs"]) == (409, {"text": "?"})

    def test_options_and_terms_come_with_the_call(self, client: Client) -> None:
        options = [{"option": "a", "output": "hello", "features": {"sure": 0.5}}]
        said = {"user": "u4", "options": options, "purposes": ["service"], "learn": False, "region": "eu"}
        made = client.post(DECIDE, said).value
        assert (made["option"], made["output"]) == ("a", "hello")
        stored = client.product.store.get(Decision, id=made["id"])
        assert stored is not None
        assert (stored.terms.purposes, stored.terms.learn, stored.terms.region) == (("service",), False, "eu")

    @pytest.mark.parametrize(
        ("said", "status", "message"),
        [
            ({}, 422, "user"),
            ({"user": 3}, 422, "user"),
            ({"user": "u", "inputs": []}, 422, "inputs"),
            ({"user": "u", "option": "x"}, 422, "Did you mean 'options'"),
            ({"user": "u", "options": [{"option": "a"}, {"option": "a"}]}, 422, "two options"),
            ({"user": "u", "options": [{"option": "a", "more": 1}]}, 422, "more"),
            ({"user": "u", "options": [{"option": "a", "features": {"x": "1"}}]}, 422, "features"),
            ({"user": "u", "retention": "forever"}, 422, "retention class"),
            ({"user": "\u202e"}, 422, "cannot be printed"),
            ([], 422, "object"),
        ],
    )
    def test_what_cannot_be_decided_says_why(
        self, client: Client, said: object, status: int, message: str
    ) -> None:
        answer = client.post(DECIDE, said)
        assert (answer.status, answer.error["type"]) == (status, "invalid")
        assert message in answer.error["message"]

    def test_a_task_that_is_not_there_is_answered_with_the_known_ones(self, client: Client) -> None:
        answer = client.post("/v1/tasks/rout/decisions", {"user": "u"})
        assert (answer.status, answer.error["type"]) == (404, "not_found")
        assert "Did you mean 'route'?" in answer.error["message"]
        assert client.post("/v1/tasks/unrewarded/decisions", {"user": "u"}).status == 422

    def test_somebody_who_was_erased_is_answered_and_not_recorded(self, client: Client) -> None:
        client.post(DECIDE, {"user": "leaver"})
        assert client.ask("DELETE", "/v1/users/leaver").value["decisions"] == 1
        made = client.post(DECIDE, {"user": "leaver"}).value
        assert made["recorded"] is False
        assert "erased" in made["reason"]

    def test_where_nothing_is_to_be_unrecorded_a_stalled_disk_refuses(self, tmp_path) -> None:
        with Disk(keeps=False).mounted() as disk:
            store = SqliteStore(tmp_path / "ledger.db", vfs=disk.name)
            with served(tmp_path, store=store, failing="refuse") as client:
                assert client.post(DECIDE, {"user": "u"}).status == 200
                with disk.stalled():
                    answer = client.post(DECIDE, {"user": "u"})
                    assert (answer.status, answer.error["type"]) == (503, "unavailable")
                    assert int(answer.headers["retry-after"]) >= 1


class TestReading:
    def test_status_is_what_the_command_says(self, client: Client) -> None:
        found = client.get("/v1/status").value
        assert (found["healthy"], found["product"], found["serving"]["fault"]) == (True, "support", "")
        assert found["tasks"][0]["serving"] == "release 0"

    def test_releases_say_where_they_stand(self, client: Client) -> None:
        (zero,) = client.get("/v1/releases").value["items"]
        assert (zero["task"], zero["name"], zero["stage"], zero["share"]) == (
            "route",
            "release 0",
            "serving",
            1.0,
        )

    def test_a_list_is_read_page_by_page(self, client: Client) -> None:
        for number in range(7):
            client.product.store.append(
                Entry(actor="test", event="noted", subject=str(number), details={}, at=1.0)
            ).durable()
        found, after = [], 0
        while after is not None:
            page = client.get(f"/v1/journal?limit=3&after={after}").value
            assert len(page["items"]) <= 3
            found += [one["sequence"] for one in page["items"]]
            after = page["next"]
        assert found == [one.sequence for one in client.product.store.scan(Entry)]

    @pytest.mark.parametrize("name", ["verdicts", "measurements"])
    def test_lists_may_be_empty(self, client: Client, name: str) -> None:
        assert client.get(f"/v1/{name}").value == {"items": [], "next": None}


class TestOperating:
    def test_a_cycle_by_hand(self, client: Client) -> None:
        before = client.get("/v1/status").value["cycles"]
        assert client.post("/v1/cycle").value["number"] == before + 1

    def test_back_to_an_earlier_release(self, tmp_path) -> None:
        with served(tmp_path) as client:
            client.product.propose("route", "cards first", policy=First())
            client.post("/v1/cycle")
            answer = client.post("/v1/rollback", {"to": "release 0"}, key="operate")
            assert (answer.value["task"], answer.value["name"]) == ("route", "release 0")
            assert (answer.value["recorded"], answer.value["reason"]) == (True, "")
            entry = client.get("/v1/journal").value["items"][-1]
            assert (entry["event"], entry["actor"]) == ("rolled back by hand", "key 'operate'")
            assert client.post("/v1/rollback", {"to": "nobody"}).status == 422

    def test_a_person_has_their_rows_and_takes_them_back(self, client: Client) -> None:
        id_ = client.post(DECIDE, {"user": "a person", "inputs": {"text": "mine"}}).value["id"]
        client.post("/v1/signals", {"subject": id_, "name": "resolved", "value": True})
        answer = client.get("/v1/users/a%20person/export")
        assert answer.headers["content-type"] == "application/x-ndjson"
        kinds = [json.loads(line)["kind"] for line in answer.body.splitlines()]
        assert kinds == ["decision", "signal", "completion"]
        assert client.ask("DELETE", "/v1/users/a%20person").value["rows"] == 3
        assert client.get("/v1/users/a%20person/export").body == b""

    def test_a_long_export_comes_page_by_page(self, client: Client) -> None:
        client.lines("/v1/signals", [signal(n, user="prolific") for n in range(450)])
        assert client.get("/v1/users/prolific/export").body.count(b"\n") == 450


def test_a_cycle_that_fails_is_shown_and_stops_nothing(tmp_path, monkeypatch, caplog) -> None:
    def broken(_: Product) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(Product, "cycle", broken)
    with served(tmp_path, every=0.05) as client:
        until(lambda: client.get("/v1/status").value["serving"]["loop"]["failed"] > 1)
        assert client.get("/v1/status").value["serving"]["loop"]["error"] == "RuntimeError: planted"
        assert client.get("/readyz", key=None).value == {
            "ready": True,
            "cycle": "RuntimeError",
            "declared": "now",
        }
        assert client.post(DECIDE, {"user": "u"}).value["recorded"] is True
    assert "cycle failed (1 in a row): planted" in caplog.text


def test_a_model_that_fails_costs_one_caller_and_nobody_else(tmp_path, monkeypatch) -> None:
    with served(tmp_path) as client:
        real = Product.decide

        def decide(product, task, inputs, **more):
            if inputs.get("text") == "bad":
                raise RuntimeError("a model's own fault")
            return real(product, task, inputs, **more)

        monkeypatch.setattr(Product, "decide", decide)
        assert client.post(DECIDE, {"user": "u", "inputs": {"text": "bad"}}).status == 500
        assert client.post(DECIDE, {"user": "u", "inputs": {"text": "good"}}).status == 200
