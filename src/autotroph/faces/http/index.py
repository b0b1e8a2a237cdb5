"""What there is, whether it is alive, and whether it is ready."""

from starlette.responses import Response

from autotroph import __version__
from autotroph.faces.http.openapi import document
from autotroph.faces.http.refusals import Refusal, answered
from autotroph.faces.http.route import Call
from autotroph.faces.http.shapes import Alive, Index, Link, Ready


async def index(call: Call) -> Response:
    """Every route in a line."""
    routes = tuple(
        Link(method=one.method, path=one.path, scope=one.door.scope, summary=one.summary)
        for one in call.routes
    )
    return answered(Index(product=call.service.product.spec.product.name, version=__version__, routes=routes))


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
