"""The process that the kill test kills: prints the sequences of what was acknowledged, as it goes."""

import sys
from itertools import count

from autotroph.store import open_store
from autotroph.testing.stores import decision, entry, signal

if __name__ == "__main__":
    store = open_store(sys.argv[1])
    start = store.last()
    for number in count(start):
        served = decision(f"d{number}")
        receipt = store.append(served, signal(f"s{number}", subject=served.id), entry(number))
        print(*receipt.durable(), flush=True)  # noqa: T201 - the test reads them
