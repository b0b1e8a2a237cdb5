"""A server in a process of its own, on a disk that can be told to stand still: for tests that kill and stall.

python serving.py FOLDER [EVERY]: prints its port when it is ready, then does what it reads on stdin: `stall`,
`heal`, `rss`; each is answered with a line.
"""

import logging
import resource
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from servers import TOKEN, declared

import autotroph
from autotroph.faces.http.server import Address, Site
from autotroph.govern.keys import Keys
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import Disk


def obey(disk: Disk) -> None:
    stalls = ExitStack()
    for line in sys.stdin:
        match line.strip():
            case "stall":
                stalls.enter_context(disk.stalled())
            case "heal":
                stalls.close()
        tell(resident())


def resident() -> int:
    """MiB of memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main(folder: Path, every: float | None) -> None:
    logging.basicConfig(level=logging.ERROR)
    with Disk(keeps=False).mounted() as disk:
        toml = folder / "autotroph.toml"
        path = toml if toml.exists() else declared(folder)
        product = autotroph.open(path, store=SqliteStore(folder / "ledger.db", vfs=disk.name))
        keys = Keys(folder / "ledger.db.keys", product.clock, TOKEN)
        threading.Thread(target=obey, args=(disk,), daemon=True).start()
        Site(product, keys, Address(port=0), every=every).run(lambda address: tell(address.port))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None)
