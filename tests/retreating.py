"""A process that answers all the time, and says which release does: for tests of the way back.

python retreating.py FOLDER [obedient]: prints `NAME SECONDS` whenever another release answers than before, on
the clock that all processes of a machine share. An obedient one has a disk that does what stdin says:
`stall`, `full`, `heal`.
"""

import sys
import threading
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import autotroph
from autotroph.faces.library import Product
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import FULL, Disk
from support_product import OPTIONS

LEDGER = Path(".autotroph") / "ledger.db"


def obey(disk: Disk) -> None:
    stalls = ExitStack()
    for line in sys.stdin:
        match line.strip():
            case "stall":
                stalls.enter_context(disk.stalled())
            case "full":
                disk.fail(FULL)
            case "heal":
                stalls.close()
                disk.mend()


def answer(product: Product) -> None:
    names = {live.release.id: live.release.name for live in product.rooms.desks["reply"].board.served()}
    before = ""
    for number in count():
        made = product.decide("reply", {}, user=f"u{number % 50}", options=OPTIONS)
        name = names[made.decision.release]
        if made.decision.arm == "main" and name != before:
            print(f"{name}\t{time.monotonic()}", flush=True)  # noqa: T201 - the test reads them
            before = name
        time.sleep(0.002)


def main(folder: Path, *, obedient: bool) -> None:
    with Disk(keeps=False).mounted() as disk:
        store = None
        if obedient:
            store = SqliteStore(folder / LEDGER, vfs=disk.name)
            threading.Thread(target=obey, args=(disk,), daemon=True).start()
        with autotroph.open(folder / "autotroph.toml", store=store) as product:
            answer(product)


if __name__ == "__main__":
    main(Path(sys.argv[1]), obedient=len(sys.argv) > 2)
