"""A small support product: replies that people accept or not, counted by user; real ledger, moved clock."""

from pathlib import Path

import autotroph
from autotroph.clock import ReplayClock
from autotroph.faces.library import Product
from autotroph.records import Proposal
from autotroph.store import Store

START = 1_700_000_000.0

TOML = """
[product]
name = "support"
[tasks.reply]
kind = "text"
unit = "user"
reward = "useful"
[signals]
accepted = { type = "boolean" }
edited = { type = "text" }
resolved = { type = "boolean", about = "session" }
happy = { type = "number", about = "user" }
[rewards.useful]
value = "accepted"
horizon = "1h"
"""

OPTIONS = (Proposal("brief", "yes"), Proposal("long", "yes, certainly"))


def opened(folder: Path, more: str = "", *, store: Store | None = None) -> Product:
    """The product in a folder, with what `more` declares besides."""
    path = folder / "autotroph.toml"
    path.write_text(TOML + more, "utf-8")
    return autotroph.open(path, clock=ReplayClock("seven", at=START), store=store)


def ask(product: Product, user: str, text: str = "?", **given: object) -> str:
    """A decision for a user; its id."""
    answer = product.decide("reply", {"text": text}, user=user, options=OPTIONS, **given)
    return answer.durable().id


def pass_time(product: Product, seconds: float = 7200.0) -> None:
    """Move on, and go once round."""
    product.clock.advance(product.clock.now() + seconds)
    product.cycle()
