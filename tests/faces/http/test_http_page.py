"""What people see who open the address that `autotroph serve` prints."""

from typing import TYPE_CHECKING

import pages
import pytest
from servers import Client

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_it_is_the_report_to_a_browser(client: Client) -> None:
    found = client.get("/", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert found.status == 200
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert found.headers["referrer-policy"] == "no-referrer"
    assert found.headers["x-frame-options"] == "DENY"
    assert found.body.startswith(b"<!doctype html>")
    assert b"<title>support: report</title>" in found.body


def test_programs_have_the_routes(client: Client) -> None:
    for accept in ("application/json", "*/*", ""):
        found = client.get("/", headers={"accept": accept} if accept else None)
        assert found.value["product"] == "support"
        assert {"method": "GET", "path": "/readyz"}.items() <= found.value["routes"][2].items()


@pytest.mark.parametrize("secret", ["", "wrong"])
def test_it_is_not_shown_to_just_anybody(client: Client, secret: str) -> None:
    found = client.get(f"/?token={secret}", key=None, headers={"accept": "text/html"})
    assert found.status == 401
    assert b"support" not in found.body


@pages.drawing
def test_it_opens_by_the_address_that_is_printed(client: Client, chromium: "Browser") -> None:
    client.post("/v1/tasks/route/decisions", {"context": {"text": "lost my card"}, "user": "u42"})
    address = f"http://127.0.0.1:{client.port}/?token={client.secrets['all']}"
    with pages.browsed(chromium, address) as (tab, seen):
        assert tab.title() == "support: report"
        assert tab.locator("h2").count() > 1
        assert seen.requests == [address]
        assert seen.complaints == []
