"""Experiments by hand: what they show, and how one begins and ends."""

from functools import partial

from starlette.responses import Response

from autotroph.errors import UnknownName
from autotroph.faces.experimenting import UNDER_WAY, declaration
from autotroph.faces.http.arriving import document
from autotroph.faces.http.refusals import Refusal, answered
from autotroph.faces.http.route import Call
from autotroph.faces.http.shapes import ConcludeIn, Experiments, StartIn
from autotroph.faces.library import Product
from autotroph.faces.tried import in_ledger
from autotroph.ingest.reading import typed
from autotroph.store import Reader


async def experiments(call: Call) -> Response:
    """What every experiment shows: as of the last cycle, or as it ended; look as often as you like."""
    product = call.service.product
    return answered(await call.service.read(lambda reader: _experiments(reader, product)))


async def start(call: Call) -> Response:
    """Start an experiment: as it is declared in the file, or as the request says."""
    said, product = typed(await document(call), StartIn), call.service.product
    declaration(product.spec, said.name, said.declared)  # so that no key can be a keyword of ours
    make = partial(product.experiment, said.name, by=call.by, **said.declared)
    return answered(await call.service.workings.run(make))


async def conclude(call: Call) -> Response:
    """End an experiment, and keep for good what it showed and what was decided. Nothing is promoted by it."""
    said, product = typed(await document(call), ConcludeIn), call.service.product
    try:
        done = await call.service.workings.run(
            product.conclude, call.names["experiment"], said.decision, propose=said.propose, by=call.by
        )
    except UnknownName as error:
        if error.noun == UNDER_WAY:
            raise Refusal("not_found", str(error), where="path") from None
        raise
    return answered(done)


def _experiments(reader: Reader, product: Product) -> Experiments:
    found = in_ledger(reader, product.spec)
    started = {one.experiment.name for one in found}
    waiting = tuple(name for name in product.spec.experiments if name not in started)
    return Experiments(items=tuple(found), not_started=waiting)
