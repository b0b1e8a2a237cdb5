"""A process that is asked again and again within a budget, and is killed: argv is the folder."""

import sys
from pathlib import Path

from autotroph.clock import ReplayClock
from autotroph.govern.budgets import Budgets, beside
from autotroph.govern.meters import Amount, meters
from autotroph.records import Completion, Decision
from autotroph.spec import Spec, parse
from autotroph.store import open_store
from autotroph.testing.rows import decision

AT = 1_700_000_000.0
SPEC: Spec = parse("""
[product]
name = "counted"
[models.m]
kind = "openai"
base_url = "http://127.0.0.1:1/v1"
price = { input = 1, output = 2 }
[tasks.answer]
kind = "chat"
budget = { usd = 0.000100 }
limit = { requests = 1000000, tokens = 100000000, every = "1d" }
[tasks.answer.variants.v]
model = "m"
[keys.phone]
budget = { usd = 1, every = "1d" }
""")
MOST = Amount(40_000_000, 30)
ROOMY = [one for one in meters(SPEC, "answer", "phone") if one.what != "usd" or one.subject == "key phone"]


def asked(id_: str, at: float) -> Decision:
    """A decision that somebody was served."""
    return decision(id_, key="", task="answer", at=at, served=True, shadows="", provenance="product")


def run(folder: Path) -> None:
    """Say how many answers are in the ledger, after each."""
    ledger = folder / "ledger.db"
    store, budgets = open_store(ledger), Budgets(beside(ledger), ReplayClock("seven", at=AT))
    for number in range(10**6):
        hold = budgets.reserve(f"d{number}", ROOMY, MOST)
        made = asked(f"d{number}", AT)
        done = Completion(
            decision=made.id, output="", at=AT, tokens_in=9, tokens_out=number % 7, cost_usd=1e-5
        )
        store.append(made, done).durable()
        if number % 3:
            budgets.settle(hold, Amount(10_000_000, 9 + number % 7))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    run(Path(sys.argv[1]))
