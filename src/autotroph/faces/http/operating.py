"""What changes the product by hand: cycles, rollbacks, approvals, what people ask for about themselves."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse

from autotroph.faces.http.arriving import document
from autotroph.faces.http.refusals import answered
from autotroph.faces.http.route import Call
from autotroph.faces.http.shapes import Approved, ApproveIn, RollbackIn, RolledBack
from autotroph.ingest.reading import typed

PAGE = 200
"""Rows of an export that are read at a time."""

_LINE = msgspec.json.Encoder()


async def cycle(call: Call) -> Response:
    """Once round the loop."""
    return answered(await call.service.workings.run(call.service.product.cycle))


async def rollback(call: Call) -> Response:
    """Serve an earlier release from the next decision on, whatever the ledger is at."""
    said, product = typed(await document(call), RollbackIn), call.service.product
    done = await call.service.rollbacks.run(product.rollback, said.task, to=said.to, by=call.by)
    return answered(
        RolledBack(
            task=done.task,
            release=done.release,
            name=done.name,
            recorded=not done.unrecorded,
            reason=done.unrecorded,
        )
    )


async def approve(call: Call) -> Response:
    """Say that a candidate may go on; the next cycle sees to it."""
    said, product = typed(await document(call), ApproveIn), call.service.product
    one = await call.service.workings.run(product.approve, said.candidate, by=call.by)
    return answered(Approved(candidate=one.id, task=one.task, name=one.name))


async def export(call: Call) -> Response:
    """Every row about a user, as lines."""
    rows = call.service.product.export(call.names["user"])
    first = await _page(call, rows)
    return StreamingResponse(_lines(call, first, rows), media_type="application/x-ndjson")


async def erase(call: Call) -> Response:
    """Take a user out for good."""
    product = call.service.product
    return answered(await call.service.workings.run(product.erase, call.names["user"], by=call.by))


async def _lines(call: Call, page: list[bytes], rows: Iterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    while page:
        yield b"".join(page)
        page = await _page(call, rows) if len(page) == PAGE else []


async def _page(call: Call, rows: Iterator[dict[str, Any]]) -> list[bytes]:
    def read() -> list[bytes]:
        return [_LINE.encode(row) + b"\n" for row in islice(rows, PAGE)]

    return await call.service.readings.run(read)
