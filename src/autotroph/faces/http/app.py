"""The ASGI application: guard, route, handler, and one place where whatever goes wrong becomes an answer."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autotroph.errors import AutotrophError
from autotroph.faces.http.bodies import Body
from autotroph.faces.http.guard import Guard
from autotroph.faces.http.head import Head
from autotroph.faces.http.refusals import Refusal, refusal_of
from autotroph.faces.http.route import Call, Route, Table
from autotroph.faces.http.service import Service

_LOG = logging.getLogger("autotroph.serve")


class App:
    """Answers requests.

    Args:
        service: what the handlers share.
        guard: stands before every route.
        routes: all there are.
    """

    def __init__(self, service: Service, guard: Guard, routes: Sequence[Route]) -> None:
        self._service, self._guard, self._table = service, guard, Table(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        head = Head(scope)
        body = Body(head, receive, self._service.patience, self._service.held)
        try:
            response = await self._response(head, body)
            if not (body.complete or await body.finish()):
                response.headers["connection"] = "close"
        except ClientDisconnect:
            return
        finally:
            body.free()
        with suppress(ClientDisconnect):  # left in the midst of an answer that streams
            await response(scope, receive, send)

    async def _response(self, head: Head, body: Body) -> Response:
        methods: Mapping[str, Route] = {}
        try:
            self._guard.check_host(head)
            methods, names = self._table.find(head.path)
            response = await self._answer(head, body, methods, names)
        except AutotrophError as error:
            response = refusal_of(error).response
        except asyncio.CancelledError:  # the server stops, and has waited as long as it could
            response = Refusal("unavailable", "the server stops; send it again", headers=_SOON).response
        except ClientDisconnect:
            raise
        except Exception:  # noqa: BLE001 - the one place where a fault of ours becomes an answer and a record
            response = self._fault(methods, head.method)
        if any(one.door.browsers for one in methods.values()):
            self._guard.share(head, response)
        return response

    async def _answer(
        self, head: Head, body: Body, methods: Mapping[str, Route], names: dict[str, str]
    ) -> Response:
        method = "GET" if head.method == "HEAD" else head.method
        if method == "OPTIONS":
            return self._options(head, methods)
        route = methods.get(method)
        if route is None:
            allow = {"allow": ", ".join(_allowed(methods))}
            raise Refusal("method_not_allowed", f"not by {method}; by {allow['allow']}", headers=allow)
        key = self._guard.admit(route.door, head)
        routes = self._table.routes
        call = Call(service=self._service, routes=routes, head=head, body=body, names=names, key=key)
        return await route.handler(call)

    def _options(self, head: Head, methods: Mapping[str, Route]) -> Response:
        shared = [name for name, one in methods.items() if one.door.browsers]
        if shared and b"access-control-request-method" in head:
            return self._guard.preflight(head, shared)
        return Response(status_code=204, headers={"allow": ", ".join(_allowed(methods))})

    def _fault(self, methods: Mapping[str, Route], method: str) -> Response:
        """A fault of ours: the log has the traceback, the caller has an id to find it by."""
        id_ = self._service.product.clock.new_id("fault")
        path = next((one.path for one in methods.values()), "no route")
        _LOG.exception("%s %s failed: %s", method, path, id_)
        return Refusal("internal", f"a fault of ours; the log has it as {id_}").response


_SOON = {"retry-after": "1", "connection": "close"}


def _allowed(methods: Mapping[str, Route]) -> list[str]:
    return [*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"]
