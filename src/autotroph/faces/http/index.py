"""What there is, whether it is alive, and whether it is ready."""

from importlib import import_module

from starlette.responses import Response

from autotroph import __version__
from autotroph.faces.http.openapi import document
from autotroph.faces.http.refusals import Document, Refusal, answered
from autotroph.faces.http.route import Call
from autotroph.faces.http.shapes import Alive, Index, Link, Ready

_ALONE = {"referrer-policy": "no-referrer", "x-frame-options": "DENY"}
"""The page stands in no other, and tells nobody the address that it came from."""


async def index(call: Call) -> Response:
    """Every route in a line; to a browser, the report."""
    if "text/html" in call.head.get(b"accept"):
        return Document(await _report(call), 200, _ALONE, "text/html; charset=utf-8")
    routes = tuple(
        Link(method=one.method, path=one.path, scope=one.door.scope, summary=one.summary)
        for one in call.routes
    )
    return answered(Index(product=call.service.product.spec.product.name, version=__version__, routes=routes))


async def _report(call: Call) -> bytes:
    product = call.service.product
    report = import_module("autotroph.faces.report").report  # when used: pictures weigh much
    return await call.service.read(lambda reader: bytes(report(reader, product.spec, product.clock.now())))


async def healthz(call: Call) -> Response:  # noqa: ARG001 - a handler's signature
    """Whether the process is alive."""
    return answered(Alive())


async def readyz(call: Call) -> Response:
    """Whether the store takes rows."""
    service = call.service
    if fault := service.product.store.fault():
        raise Refusal("unavailable", fault, headers={"retry-after": "1"})
    cycle = service.turning.turning.error.partition(":")[0]
    return answered(Ready(cycle=cycle, declared="before" if service.product.refused else "now"))


async def openapi(call: Call) -> Response:
    """The OpenAPI document."""
    return answered(document(call.routes))
