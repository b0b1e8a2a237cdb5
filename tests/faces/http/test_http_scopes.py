"""Who may do what, from where: every route with every kind of credential, origin and host."""

import pytest
from servers import SHOP, Client, served, signal

from autotroph.faces.http.route import Route
from autotroph.faces.http.routes import ROUTES
from autotroph.govern.keys import GRANTS

IDS = [f"{one.method} {one.path}" for one in ROUTES]
REFUSED = (401, 403)


def path(route: Route) -> str:
    return route.path.format(task="route", user="nobody", experiment="none", model="gpt")


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
class TestMatrix:
    @pytest.mark.parametrize("scope", list(GRANTS))
    def test_a_key_opens_the_routes_of_its_scope_and_no_other(
        self, client: Client, route: Route, scope: str
    ) -> None:
        status = client.ask(route.method, path(route), key=scope).status
        if not route.door.scope or route.door.scope in GRANTS[scope]:
            assert status not in REFUSED
            assert status < 500
        else:
            assert status == 403

    @pytest.mark.parametrize("key", [None, "", "wrong", "expired", "revoked", "ak_", "é", "a" * 5000])
    def test_without_a_key_that_is_known_nothing_opens(
        self, client: Client, route: Route, key: str | None
    ) -> None:
        answer = client.ask(route.method, path(route), key=key)
        if route.door.scope:
            assert (answer.status, answer.error["type"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        else:
            assert answer.status == 200

    def test_a_browser_key_only_sends_signals_and_only_from_its_origin(
        self, client: Client, route: Route
    ) -> None:
        statuses = [
            client.ask(route.method, path(route), key="web", headers=headers).status
            for headers in ({"origin": SHOP}, {"origin": "https://evil.example"}, {})
        ]
        if not route.door.scope:
            assert statuses == [200, 200, 200]
        elif route.door.browsers:
            assert statuses == [415, 403, 403]
        else:
            assert statuses == [403, 403, 403]

    def test_a_page_of_another_origin_changes_nothing_with_a_server_key(
        self, client: Client, route: Route
    ) -> None:
        if route.method == "GET":
            return
        for origin in ("https://evil.example", "null", f"http://127.0.0.1:{client.port + 1}", "127.0.0.1"):
            assert client.ask(route.method, path(route), headers={"origin": origin}).status == 403
        same = {"origin": f"http://127.0.0.1:{client.port}"}
        assert client.ask(route.method, path(route), headers=same).status not in REFUSED

    def test_it_is_asked_by_its_own_name_only(self, client: Client, route: Route) -> None:
        for host in (
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "",
            "[::",
            "8.8.8.8",
        ):
            assert client.ask(route.method, path(route), headers={"host": host}).status == 421
        for host in ("localhost", f"LOCALHOST:{client.port}", "[::1]:80", "127.0.0.1"):
            assert client.ask(route.method, path(route), headers={"host": host}).status != 421

    def test_other_methods_are_refused_and_say_which_are_not(self, client: Client, route: Route) -> None:
        for method in ("PUT", "PATCH", "TRACE"):
            answer = client.ask(method, path(route))
            assert (answer.status, answer.error["type"]) == (405, "method_not_allowed")
            assert route.method in answer.headers["allow"].split(", ")
        options = client.ask("OPTIONS", path(route), key=None)
        assert (options.status, options.body) == (204, b"")
        head = client.ask("HEAD", path(route))
        read = any((one.method, one.path) == ("GET", route.path) for one in ROUTES)
        found = 404 if "{model}" in route.path else 200  # there is no such model
        assert head.status == (found if read else 405)
        assert head.body == b""


ASKED = {"origin": SHOP, "access-control-request-method": "POST"}


class TestBrowsers:
    def test_a_page_of_a_declared_origin_is_told_that_it_may(self, client: Client) -> None:
        more = {"access-control-request-headers": "Content-Type, authorization"}
        answer = client.ask("OPTIONS", "/v1/signals", key=None, headers={**ASKED, **more})
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert answer.headers["access-control-allow-methods"] == "POST"
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers

    @pytest.mark.parametrize(
        "other",
        [
            {"origin": "https://evil.example"},
            {"origin": f"{SHOP}.evil.example"},
            {"origin": "null"},
            {"access-control-request-method": "DELETE"},
            {"access-control-request-headers": "x-evil"},
        ],
    )
    def test_others_are_not(self, client: Client, other: dict[str, str]) -> None:
        answer = client.ask("OPTIONS", "/v1/signals", key=None, headers={**ASKED, **other})
        assert answer.status == 403
        assert answer.headers["vary"] == "Origin"

    def test_other_routes_are_not_shared(self, client: Client) -> None:
        for path in ("/v1/imports", "/v1/status", "/v1/tasks/route/decisions"):
            answer = client.ask("OPTIONS", path, key=None, headers=ASKED)
            assert not any(name.startswith("access-control") for name in answer.headers)

    def test_a_page_can_read_what_was_wrong(self, client: Client) -> None:
        for key, status in (("web", 400), ("wrong", 401)):
            headers = {"origin": SHOP, "content-type": "application/json"}
            answer = client.post("/v1/signals", b"{", key=key, headers=headers)
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, SHOP)
        answer = client.post("/v1/signals", b"{", key="web", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers

    def test_a_page_is_not_told_what_came_first_under_a_key(self, client: Client) -> None:
        secret = {"name": "edited", "user": "somebody-else"}
        client.post("/v1/signals", signal("hidden", value="a secret edit", key="hidden", **secret))
        other = signal("hidden", value="?", name="edited", key="hidden")
        one = client.post("/v1/signals", other, key="web", headers={"origin": SHOP})
        assert (one.status, one.error["type"]) == (409, "conflict")
        many = client.lines("/v1/signals", [other], key="web", headers={"origin": SHOP})
        assert [line["type"] for line in many.value["refused"]] == ["conflict"]
        for answer in (one, many):
            assert b"secret" not in answer.body
            assert b"somebody" not in answer.body


class TestCredentials:
    def test_a_key_may_come_in_either_header_and_only_one_key(self, client: Client) -> None:
        read, operate = client.secrets["read"], client.secrets["operate"]
        for headers in ({"x-api-key": read}, {"authorization": f"bearer {read}"}):
            assert client.get("/v1/journal", key=None, headers=headers).status == 200
        assert client.get("/v1/journal", key="read", headers={"x-api-key": read}).status == 200
        assert client.get("/v1/journal", key="read", headers={"x-api-key": operate}).status == 401
        assert client.get("/v1/journal", key=None, headers={"authorization": f"Basic {read}"}).status == 401

    def test_a_token_in_the_address_opens_pages_and_nothing_else(self, client: Client) -> None:
        token = client.secrets["all"]
        assert client.get(f"/?token={token}", key=None).value["product"] == "support"
        assert client.get("/?token=wrong", key=None).status == 401
        assert client.get(f"/v1/journal?token={token}", key=None).status == 401
        assert client.post(f"/v1/cycle?token={token}", key=None).status == 401
        for name in ("", "key", "token", "x-api-key", "authorization"):
            assert client.get(f"/v1/journal?{name}={token}", key=None).status == 401

    def test_no_answer_repeats_a_key(self, client: Client) -> None:
        secret = "a-secret-that-is-wrong"
        for path in ("/", f"/?token={secret}", "/v1/journal", f"/nothing?key={secret}"):
            assert secret.encode() not in client.get(path, key=secret).body


def test_a_declared_name_is_a_name(tmp_path) -> None:
    with served(tmp_path, names=("loop.example",)) as client:
        assert client.get("/healthz", headers={"host": "Loop.example:443"}).status == 200
        assert client.get("/healthz", headers={"host": "other.example"}).status == 421
