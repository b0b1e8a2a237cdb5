"""A product is opened: its declaration, its ledger, and what it needs of both."""

import os
from collections.abc import Mapping
from pathlib import Path

from autotroph import registry
from autotroph.clock import Clock, SystemClock
from autotroph.deploy.models import Model
from autotroph.faces.library import Product
from autotroph.faces.located import located, override
from autotroph.spec import load
from autotroph.store import Store, open_store


def open_product(
    path: str | os.PathLike[str] = "autotroph.toml",
    *,
    models: Mapping[str, Model] | None = None,
    clock: Clock | None = None,
    store: Store | None = None,
) -> Product:
    """Open the product that a file declares; see `autotroph.open`."""
    spec = load(path, tracks=registry.known("tracks"))
    ledger = store or open_store(override() or located(spec.product.store, Path(path).parent))
    try:
        if clock is not None and not ledger.last():
            ledger.set_meta("seed", clock.seed)
        product = Product(spec, ledger, clock or SystemClock(ledger.meta("seed") or ""), models or {})
    except BaseException:
        if store is None:
            ledger.close()
        raise
    if clock is None:  # who replays looks after itself
        product.watch()
    return product
