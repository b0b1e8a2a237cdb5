"""Whatever else an upstream offers, as it came. What names a model is recorded, as all such calls are."""

from starlette.responses import Response

from autotroph.deploy.upstreams.protocols import Call as Asking
from autotroph.deploy.upstreams.protocols import error_document, told_status
from autotroph.errors import UpstreamFault
from autotroph.faces.gateway.asked import read_asked
from autotroph.faces.http.arriving import JSON, document
from autotroph.faces.http.chatting import LARGE, again, passed
from autotroph.faces.http.guard import Door
from autotroph.faces.http.leaving import UnlessLeft
from autotroph.faces.http.refusals import Document
from autotroph.faces.http.route import REST, Call, Route

PREFIX = "/v1"


async def pass_on(call: Call) -> Response:
    """Answer with what the upstream answers."""
    path = call.head.below(PREFIX)
    if call.head.method == "POST" and call.body.media_type == JSON:
        said = await document(call, limits=LARGE)
        if isinstance(said, dict) and isinstance(said.get("model"), str):
            return await passed(call, read_asked(path, said, call.head))
        return await _plainly(call, Asking(path=path, document=said, method="POST"))
    body = await call.body.document(LARGE.size)
    media = call.head.get(b"content-type")
    return await _plainly(call, Asking(path=path, body=body, media_type=media, method=call.head.method))


async def _plainly(call: Call, asking: Asking) -> Response:
    with UnlessLeft(call.head):
        try:
            reply = await call.service.product.gateway.pass_on(asking)
        except UpstreamFault as fault:
            return Document(error_document(fault), told_status(fault), again(fault))
    headers = dict(reply.headers)
    return Document(reply.body or b"", reply.status, headers, headers.pop("content-type", JSON))


ROUTES = tuple(
    Route(
        method=method,
        path=f"{PREFIX}/{REST}",
        door=Door(scope="decide"),
        summary="Whatever else the upstream offers.",
        handler=pass_on,
        gives=dict,
        refuses=(404, 413, 502, 504),
    )
    for method in ("GET", "POST", "DELETE")
)
"""Of a product that passes on what it does not know."""
