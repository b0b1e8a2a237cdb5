"""The pages and the OpenAPI document say what the table of routes says."""

import re
from pathlib import Path

import msgspec
from servers import Client

from autotroph.faces.http.bodies import Patience
from autotroph.faces.http.openapi import document
from autotroph.faces.http.protocol import Limits
from autotroph.faces.http.refusals import STATUS
from autotroph.faces.http.routes import ROUTES
from autotroph.ingest.reading import LIMITS

PAGE = (Path(__file__).parents[3] / "docs/reference/http.md").read_text("utf-8")


def test_the_page_has_every_route_with_its_scope() -> None:
    rows = re.findall(r"^\| `([A-Z]+) (/\S*)` \| (\w*) ?\|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted((one.method, one.path, one.door.scope) for one in ROUTES)


def test_the_page_has_every_error() -> None:
    for kind, status in STATUS.items():
        assert re.search(rf"^\|[^|]*\b{status}\b[^|]*\|[^|]*`{kind}`", PAGE, re.MULTILINE), kind


def test_the_page_has_the_limits() -> None:
    patience, limits = Patience(), Limits()
    for said in (
        f"{LIMITS.size >> 20} MiB, {LIMITS.depth} levels deep, {LIMITS.pieces:,} names",
        f"| {patience.stream_bytes >> 20} MiB |",
        f"| {patience.held_bytes >> 20} MiB |",
        f"| {limits.head >> 10} KiB, within {limits.head_seconds:.0f} s |",
        f"| {limits.pause:.0f} s |",
        f"| {limits.connections} |",
    ):
        assert said in PAGE


def test_the_document_is_of_the_table(client: Client) -> None:
    said = client.get("/openapi.json", key=None).value
    assert said == msgspec.json.decode(msgspec.json.encode(document(ROUTES)))
    operations = {(m.upper(), path): one for path, all_ in said["paths"].items() for m, one in all_.items()}
    assert set(operations) == {(one.method, one.path) for one in ROUTES}
    ids = [one["operationId"] for one in operations.values()]
    assert len(set(ids)) == len(ids)
    for route in ROUTES:
        one = operations[route.method, route.path]
        assert (one["x-scope"], bool(one["security"])) == (route.door.scope, bool(route.door.scope))
        assert one["description"]
