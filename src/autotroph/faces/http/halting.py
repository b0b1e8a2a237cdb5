"""What lets nothing advance, and what ends that; a freeze waits for no cycle."""

from starlette.responses import Response

from autotroph.faces.http.arriving import document
from autotroph.faces.http.refusals import answered
from autotroph.faces.http.route import Call
from autotroph.faces.http.shapes import FreezeIn, Thawed, ThawIn
from autotroph.faces.library import Product
from autotroph.ingest.reading import typed
from autotroph.records import Entry
from autotroph.unattended.freezing import Frozen, halted


async def freeze(call: Call) -> Response:
    """Let nothing of a task, or of any, advance; what does harm is rolled back all the same."""
    said, product = typed(await document(call), FreezeIn), call.service.product
    row: Entry = await call.service.freezes.run(
        product.freeze, said.task, until=said.until, by=call.by, reason=said.reason
    )
    return answered(Frozen(task=said.task, by=row.actor, reason=said.reason, since=row.at, until=said.until))


async def thaw(call: Call) -> Response:
    """Let things advance again: a task that is frozen by itself, or whatever is."""
    said, product = typed(await document(call), ThawIn), call.service.product
    await call.service.freezes.run(product.thaw, said.task, by=call.by)
    still = await call.service.freezes.run(_still, product, said.task)
    return answered(Thawed(task=said.task, still=still))


def _still(product: Product, task: str) -> dict[str, str]:
    """Of what was thawed, what stands still all the same: everything is frozen, or it is quiet."""
    now, tasks = product.clock.now(), [task] if task else product.rooms.tasks
    found = {name: halted(product.store, product.spec, name, now) for name in tasks}
    return {name: why for name, why in found.items() if why}
