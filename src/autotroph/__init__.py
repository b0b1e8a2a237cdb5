"""autotroph: a product that feeds on its own use.

import autotroph

product = autotroph.open("autotroph.toml")
decision = product.decide("route", {"text": "my card is lost"}, user="u42")
product.signal(decision.id, "resolved", True)
product.cycle()

client = autotroph.Client()          # the same from another process, over HTTP
client.signal(decision.id, "resolved", True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from autotroph.client import AsyncClient, Client, Straight
    from autotroph.faces.library import Product

__all__ = ["AsyncClient", "Client", "Straight", "__version__", "open"]
__version__ = "0.1.0"


def open(path: str | os.PathLike[str] = "autotroph.toml", **given: Any) -> Product:  # noqa: A001 - as shelve, gzip
    """Open the product that a file declares, on its ledger, which is made if it is not there.

    Args:
        path: of the declaration; `autotroph init` writes one that works.
        given: `models` that answer in this process, by the names that the declaration gives them;
            `clock` for replays; `store` for a ledger that is open already; `strict=False` for what was
            declared before where the file is blank, cut off, or another product's.

    Raises:
        SpecError: the declaration is wrong: file, line, key and choices.
        LedgerError: the ledger cannot be opened, or somebody else is writing to it.
    """
    from autotroph.faces.opening import open_product  # imported when used: start-up is felt

    return open_product(path, **given)


def __getattr__(name: str) -> Any:
    """The clients and what they take, imported when they are used: start-up is felt."""
    if name not in ("AsyncClient", "Client", "Straight"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from autotroph import client

    return getattr(client, name)
