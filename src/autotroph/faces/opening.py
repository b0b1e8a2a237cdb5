"""A product is opened: its declaration, its ledger, and what it needs of both."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from autotroph.clock import Clock, SystemClock
from autotroph.deploy.models import Model
from autotroph.faces import lastgood
from autotroph.faces.library import Product
from autotroph.faces.located import located, override
from autotroph.records import Decision, Entry
from autotroph.spec import Spec
from autotroph.store import Reader, Store, open_store

_LOG = logging.getLogger("autotroph.declaration")

REFUSED = "declaration refused"
"""The event of a product that is served as it was declared before."""


def open_product(
    path: str | os.PathLike[str] = "autotroph.toml",
    *,
    models: Mapping[str, Model] | None = None,
    clock: Clock | None = None,
    store: Store | None = None,
    strict: bool = True,
) -> Product:
    """Open the product that a file declares; see `autotroph.open`."""
    file = Path(path)
    found, why = (lastgood.declared(file), "") if strict else lastgood.usable(file)
    ledger = store or open_store(override() or located(found.spec.product.store, file.parent))
    try:
        before = ledger.get(Entry, event="declaration")
        if before is not None:
            lastgood.refuse_other(found, before.subject)
            lastgood.refuse_dealt_again(found, _units(ledger, found.spec))
        if clock is not None and not ledger.last():
            ledger.set_meta("seed", clock.seed)
        product = Product(found.spec, ledger, clock or SystemClock(ledger.meta("seed") or ""), models or {})
        if why:
            _LOG.error("%s. What was declared before serves instead: %s", why, found.file)
            product.refused = why
            product.rooms.append(product.rooms.entry("loop", REFUSED, reason=why))
        else:
            lastgood.keep(file, found, getattr(ledger, "path", None))
    except BaseException:
        if store is None:
            ledger.close()
        raise
    if clock is None:  # who replays looks after itself
        product.watch()
    return product


def _units(ledger: Reader, spec: Spec) -> dict[str, str]:
    """By task, the unit of its newest decision."""
    newest = (ledger.get(Decision, task=name, served=True, provenance="product") for name in spec.tasks)
    return {one.task: one.unit_kind for one in newest if one is not None}
