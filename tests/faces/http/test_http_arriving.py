"""Signals and imports over HTTP: acknowledged when they are on disk, refused with the reason."""

import gzip
import json
import zlib

import pytest
from servers import Client, served, signal

from autotroph.records import Decision, Signal


class TestOne:
    def test_a_signal_is_on_disk_when_it_is_acknowledged(self, client: Client) -> None:
        answer = client.post("/v1/signals", signal("one"))
        assert (answer.status, answer.value["status"]) == (200, "stored")
        stored = client.product.store.get(Signal, subject="done")
        assert stored is not None
        assert (stored.sequence, stored.id, stored.value) == (
            answer.value["sequence"],
            answer.value["id"],
            True,
        )

    def test_sent_again_it_is_known(self, client: Client) -> None:
        first, again = (client.post("/v1/signals", signal("again", key="k1")).value for _ in range(2))
        assert (first["status"], again["status"]) == ("stored", "known")
        assert first["id"] == again["id"]

    def test_the_same_key_with_something_else_is_a_conflict_that_shows_the_first(
        self, client: Client
    ) -> None:
        client.post("/v1/signals", signal("conflict", key="k2"))
        answer = client.post("/v1/signals", signal("conflict", value=False, key="k2"))
        assert (answer.status, answer.error["type"]) == (409, "conflict")
        assert answer.error["first"]["value"] is True

    def test_a_key_that_vouches_makes_its_user_verified(self, client: Client) -> None:
        client.post("/v1/signals", signal("vouched", user="u1"), key="signals")
        client.post(
            "/v1/signals", signal("web", user="u1"), key="web", headers={"origin": "https://shop.example"}
        )
        verified = {one.subject: one.verified for one in client.product.store.scan(Signal, user="u1")}
        assert verified == {"dvouched": True, "dweb": False}

    @pytest.mark.parametrize(
        ("body", "status", "where"),
        [
            (b"", 400, ""),
            (b"{", 400, "byte 1"),
            (b'{"subject": NaN}', 400, "byte 12"),
            (b'{"name": 1, "name": 2}', 400, "byte 12"),
            (b"[" * 40, 400, ""),
            (b"\xff", 400, "byte 0"),
            (b'{"subject": "d", "name": "resolved"}', 422, ""),
            (b'{"subject": 3, "name": "resolved", "value": true}', 422, "subject"),
            (b'{"subject": "d", "name": "resolvd", "value": true}', 422, ""),
            (b'{"subject": "d", "name": "resolved", "value": "yes"}', 422, ""),
            (b'{"subject": "d", "name": "resolved", "value": true, "at": "soon"}', 422, "at"),
            (b'{"subject": "d", "name": "resolved", "value": true, "extra": 1}', 422, ""),
            (b"[]", 422, ""),
        ],
    )
    def test_what_cannot_be_taken_is_refused_and_says_where(
        self, client: Client, body: bytes, status: int, where: str
    ) -> None:
        before = client.product.store.last()
        answer = client.post("/v1/signals", body, headers={"content-type": "application/json"})
        assert (answer.status, answer.error.get("where", "")) == (status, where), answer.body
        assert client.product.store.last() == before

    def test_a_typo_is_answered_with_the_right_word(self, client: Client) -> None:
        answer = client.post("/v1/signals", {**signal("x"), "name": "resolvd"})
        assert "Did you mean 'resolved'?" in answer.error["message"]

    def test_what_is_about_an_erased_user_is_gone(self, client: Client) -> None:
        client.post("/v1/signals", signal("erased", user="gone"))
        assert client.ask("DELETE", "/v1/users/gone").status == 200
        assert client.post("/v1/signals", signal("erased again", user="gone")).status == 410
        about = {"subject": "gone", "name": "minutes", "value": 3}
        assert client.post("/v1/signals", about).error["type"] == "erased"

    @pytest.mark.parametrize(
        "said", ["text/plain", "application/xml", "", "application/json; charset=latin-1"]
    )
    def test_another_content_type_is_refused(self, client: Client, said: str) -> None:
        answer = client.post("/v1/signals", b"{}", headers={"content-type": said})
        assert (answer.status, answer.error["type"]) == (415, "media_type")

    def test_the_body_may_be_packed(self, client: Client) -> None:
        body = json.dumps(signal("packed")).encode()
        for name, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body))):
            headers = {"content-type": "application/json", "content-encoding": name}
            assert client.post("/v1/signals", packed, headers=headers).status == 200
        headers = {"content-type": "application/json", "content-encoding": "br"}
        assert client.post("/v1/signals", body, headers=headers).status == 415

    def test_a_bomb_is_refused(self, client: Client) -> None:
        bomb = gzip.compress(b" " * (200 * 2**20))
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        assert client.post("/v1/signals", bomb, headers=headers).status == 413


class TestStreams:
    def test_each_line_is_taken_or_refused_for_itself(self, client: Client) -> None:
        documents = [
            signal("l1", key="l1"),
            b"{\n",
            signal("l2", key="l2"),
            b"\n",
            signal("l1", key="l1", value=False),
            {"subject": "d", "name": "nobody", "value": 1},
            signal("l1", key="l1"),
        ]
        answer = client.lines("/v1/signals", documents)
        assert answer.status == 200
        found = answer.value
        assert (found["stored"] + found["known"], found["refused_count"]) == (3, 3)
        assert [(one["line"], one["type"]) for one in found["refused"]] == [
            (2, "bad_request"),
            (5, "conflict"),
            (6, "invalid"),
        ]
        assert found["refused"][1]["first"]["value"] is True
        assert client.lines("/v1/signals", documents[:1]).value["known"] == 1

    def test_a_long_stream_is_on_disk_when_it_is_acknowledged(self, client: Client) -> None:
        before = sum(1 for _ in client.product.store.scan(Signal))
        answer = client.lines("/v1/signals", [signal(f"long{n}") for n in range(2500)])
        assert answer.value == {"stored": 2500, "known": 0, "refused": [], "refused_count": 0}
        assert sum(1 for _ in client.product.store.scan(Signal)) == before + 2500

    def test_only_the_first_refusals_are_told_and_all_are_counted(self, client: Client) -> None:
        answer = client.lines("/v1/signals", [b"x\n"] * 1200)
        assert (len(answer.value["refused"]), answer.value["refused_count"]) == (1000, 1200)

    def test_a_line_without_an_end_is_refused_and_the_next_is_taken(self, client: Client) -> None:
        answer = client.lines("/v1/signals", [b"x" * (3 * 2**20) + b"\n", signal("after the long one")])
        assert (answer.value["stored"], answer.value["refused"][0]["line"]) == (1, 1)

    def test_an_empty_stream_is_nothing(self, client: Client) -> None:
        assert client.lines("/v1/signals", []).value["stored"] == 0

    def test_a_packed_stream_that_breaks_off_is_refused(self, client: Client) -> None:
        body = gzip.compress(b"".join(json.dumps(signal(n)).encode() + b"\n" for n in range(2000)))
        headers = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
        assert client.post("/v1/signals", body[:-20], headers=headers).status == 400
        assert client.post("/v1/signals", body, headers=headers).status == 200

    def test_a_stream_that_is_too_large_is_refused(self, client: Client) -> None:
        bomb = gzip.compress((b" " * 1023 + b"\n") * (80 * 1024))
        headers = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
        assert client.post("/v1/signals", bomb, headers=headers).status == 413


class TestImports:
    def test_a_decision_made_elsewhere_and_a_signal_about_it(self, client: Client) -> None:
        made = {"task": "route", "id": "ticket-1", "user": "u7", "option": "cards", "inputs": {"text": "?"}}
        assert client.post("/v1/imports", made).value["status"] == "stored"
        assert client.post("/v1/imports", made).value["status"] == "known"
        about = {"subject": "ticket-1", "name": "resolved", "value": True}
        assert client.lines("/v1/imports", [made, about]).value["known"] == 1
        stored = client.product.store.get(Decision, id="ticket-1")
        assert stored is not None
        assert (stored.provenance, stored.options) == ("import", ())

    def test_a_key_for_signals_cannot_import(self, client: Client) -> None:
        assert client.post("/v1/imports", signal("x"), key="signals").status == 403


def test_a_browser_that_leaves_a_page_can_still_send(tmp_path) -> None:
    with served(tmp_path) as client:
        body, headers = json.dumps(signal("beacon")), {"content-type": "text/plain;charset=UTF-8"}
        at_shop = {**headers, "origin": "https://shop.example"}
        web, server = (f"/v1/signals?key={client.secrets[name]}" for name in ("web", "signals"))
        assert client.post(web, body, key=None, headers=at_shop).status == 200
        assert client.post(web, body, key=None, headers=headers).status == 403
        assert client.post(server, body, key=None, headers=at_shop).status == 403
        assert client.post("/v1/signals", body, key="signals", headers=headers).status == 415
