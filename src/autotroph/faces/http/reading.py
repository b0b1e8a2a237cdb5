"""What is known about the product: its health, plan, releases, verdicts, measurements and journal."""

from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

import msgspec
from starlette.responses import Response

from autotroph import __version__
from autotroph.faces.http.refusals import answered
from autotroph.faces.http.route import Call
from autotroph.faces.http.shapes import (
    Journal,
    Measurements,
    Paging,
    Planned,
    Releases,
    Serving,
    Standing,
    Status,
    Verdicts,
)
from autotroph.faces.library import Product
from autotroph.faces.underway import UnderWay, approvals, under_way
from autotroph.observe.health import Health, Need, health
from autotroph.plan.steps import planned
from autotroph.records import Entry, Measurement, Record, Verdict
from autotroph.store import Reader
from autotroph.unattended.freezing import needs

R = TypeVar("R", bound=Record)

_RELEASES = """
SELECT r.sequence, r.release, r.task, r.name, r.parent, r.candidate, r.made,
       r.stage, r.epoch, r.share, r.since,
       coalesce(v.finding, '') AS finding, coalesce(v.judge, '') AS judge, coalesce(v.reason, '') AS reason
FROM release_log AS r
LEFT JOIN verdicts AS v
  ON v.sequence = (SELECT max(sequence) FROM verdicts WHERE candidate = r.candidate AND r.candidate <> '')
WHERE r.sequence > :after ORDER BY r.sequence LIMIT :limit
"""


async def status(call: Call) -> Response:
    """The product's health, and the server's."""
    service = call.service
    found, now = await service.read(lambda reader: _health(reader, service.product))
    serving = Serving(
        version=__version__,
        since=service.since,
        fault=service.product.store.fault(),
        unrecorded=service.product.unrecorded,
        waiting=service.signals.waiting,
        loop=service.turning.turning,
    )
    whole = msgspec.structs.asdict(found)
    return answered(Status(healthy=found.healthy, serving=serving, under_way=now, **whole))


def _health(reader: Reader, product: Product) -> tuple[Health, UnderWay]:
    found, now = health(reader, product.spec), product.clock.now()
    switch = product.back.switch.path
    current = under_way(reader, product.spec, now, pulled=switch is not None and switch.exists())
    frozen = needs(reader, product.spec, now)
    asks = (*_held(product), *frozen, *approvals(current), *found.needs)
    return msgspec.structs.replace(found, killswitch=str(switch or ""), needs=asks), current


def _held(product: Product) -> Iterator[Need]:
    """What holds the product back in this process."""
    if product.refused:
        what = f"{product.refused}. What was declared before serves instead"
        yield Need("declaration", what, "mend the file, and start again")
    if halted := product.back.halted():
        yield Need(
            "way back", f"nothing advances: {halted}", "remove the file of the kill switch, if it is there"
        )


async def plan(call: Call) -> Response:
    """What the declaration that is served changes, step by step; `autotroph apply` runs these very steps."""
    spec = call.service.product.spec
    found = await call.service.read(lambda reader: planned(reader, spec))
    changed = bool(found.revalued or found.proposed)
    return answered(Planned(changed=changed, digest=found.digest, plan=found))


async def releases(call: Call) -> Response:
    """Releases, where they stand, and what was found about them last."""
    wanted = call.query(Paging)

    def read(reader: Reader) -> list[Standing]:
        found = reader.query(_RELEASES, {"after": wanted.after, "limit": wanted.limit + 1}).dicts()
        return msgspec.convert(found, list[Standing])

    items, after = _page(await call.service.read(read), wanted)
    return answered(Releases(items=items, next=after))


async def verdicts(call: Call) -> Response:
    """Verdicts."""
    items, after = await _rows(call, Verdict)
    return answered(Verdicts(items=items, next=after))


async def measurements(call: Call) -> Response:
    """Measurements."""
    items, after = await _rows(call, Measurement)
    return answered(Measurements(items=items, next=after))


async def journal(call: Call) -> Response:
    """The journal."""
    items, after = await _rows(call, Entry)
    return answered(Journal(items=items, next=after))


async def _rows(call: Call, kind: type[R]) -> tuple[tuple[R, ...], int | None]:
    wanted = call.query(Paging)

    def read(reader: Reader) -> list[R]:
        return list(islice(reader.scan(kind, after=wanted.after), wanted.limit + 1))

    return _page(await call.service.read(read), wanted)


S = TypeVar("S", bound=Record | Standing)


def _page(found: list[S], wanted: Paging) -> tuple[tuple[S, ...], int | None]:
    """As many as were asked for, and where to read on if there are more."""
    items = tuple(found[: wanted.limit])
    return items, items[-1].sequence if len(found) > wanted.limit else None
