"""A dataset frozen from a history, with planted duplicates, and written to files.

    .venv/bin/python -m benchmarks.datasets [--quick] [--json]

100,000 decisions of 20,000 people (--quick: 20,000), of which one in ten asks again what somebody asked
before, one or two letters changed. Recall and precision are of finding those; the peer is exact equality
of normalised texts, which is what one has without sketches. Seconds are wall and processor time of one run.
"""

import argparse
import random
import resource
import string
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

import msgspec
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from autotroph.digest.datasets.building import build
from autotroph.digest.datasets.exporting import Into, export
from autotroph.digest.datasets.manifest import Manifest, freeze
from autotroph.digest.datasets.recipe import Recipe
from autotroph.digest.datasets.shapes import Shaping
from autotroph.digest.measures import measure_of
from autotroph.records import Completion, Decision, Option, Record, Reward
from autotroph.spec import Spec, parse
from autotroph.store import Reader, open_store

ROWS, QUICK_ROWS, USERS, BATCH = 100_000, 20_000, 20_000, 1_000
AGAIN = 10
START = 1_750_000_000.0

DECLARATION = """
[product]
name = "support"
[tasks.reply]
kind = "text"
reward = "useful"
[signals]
accepted = { type = "boolean" }
[rewards.useful]
value = "accepted"
horizon = "1h"
"""

RECIPE = Recipe(task="reply", validation=0.0, test=0.0)


def history(spec: Spec, rows: int) -> Iterator[Record]:
    """Decisions with what came of them, and final rewards; copies have an id that ends in `again`."""
    luck = random.Random(77)
    words = ["".join(luck.choices(string.ascii_lowercase, k=luck.randint(3, 9))) for _ in range(8_000)]
    measure, asked = measure_of(spec, "reply"), list[str]()
    for number in range(rows):
        copied = number % AGAIN == AGAIN - 1
        text = " ".join(luck.choices(words, k=luck.randint(12, 30)))
        if copied:
            letters = list(luck.choice(asked))
            for place in luck.sample(range(len(letters)), luck.randint(1, 2)):
                letters[place] = luck.choice(string.ascii_lowercase)
            text = "".join(letters)
        else:
            asked.append(text)
        decision = _decision(number, text, copied, luck)
        yield decision
        yield Completion(decision=decision.id, output="We send you a new one today.", at=decision.at)
        yield Reward(
            decision=decision.id,
            name=measure.name,
            version=measure.version,
            value=float(luck.random() < 0.6),
            final=True,
            at=decision.at + 3600,
        )


def _decision(number: int, text: str, copied: bool, luck: random.Random) -> Decision:  # noqa: FBT001
    user = f"u{luck.randrange(USERS)}"
    return Decision(
        id=f"d{number}{'again' if copied else ''}",
        task="reply",
        release="r",
        epoch=1,
        arm="main",
        p_arm=1.0,
        options=(Option("brief", 1.0),),
        option="brief",
        unit=user,
        unit_kind="user",
        cluster=user,
        fold="tracks",
        policy="p",
        variant="v",
        declaration="d",
        at=START + number,
        user=user,
        inputs={"text": text},
    )


def _timed(work: object, *given: object, **named: object) -> tuple[object, float, float]:
    wall, own = perf_counter(), process_time()
    made = work(*given, **named)  # type: ignore[operator]
    return made, perf_counter() - wall, process_time() - own


def _copies(reader: Reader, manifest: Manifest) -> tuple[int, int]:
    """How many copies are left in a dataset, and how many others."""
    kept = set(manifest.decisions)
    found = reader.query("SELECT sequence, id LIKE '%again' FROM decisions").rows
    left = sum(bool(copied) for sequence, copied in found if sequence in kept)
    return left, len(kept) - left


def run(rows: int, folder: Path) -> dict[str, float]:
    """All of it once, in a folder."""
    spec = parse(DECLARATION)
    with closing(open_store(folder / "ledger.db")) as store:
        parts = history(spec, rows)
        while batch := tuple(islice(parts, BATCH)):
            store.append(*batch)
        store.append().durable()
        made, build_s, build_cpu_s = _timed(build, store, spec, RECIPE)
        equal, equal_s, equal_cpu_s = _timed(build, store, spec, replace(RECIPE, near=0.0))
        manifest, exact = made.manifest, equal.manifest  # type: ignore[attr-defined]
        done, export_s, _ = _timed(
            export, store, manifest, Shaping(shape="prompt-completion"), Into(folder / "out")
        )
        (left, others), (left_equal, _) = _copies(store, manifest), _copies(store, exact)
    copies = rows // AGAIN
    lost = rows - copies - others
    return {
        "rows": rows,
        "build_s": build_s,
        "build_cpu_s": build_cpu_s,
        "equal_only_s": equal_s,
        "equal_only_cpu_s": equal_cpu_s,
        "export_s": export_s,
        "exported": sum(done.files.values()),  # type: ignore[attr-defined]
        "manifest_mib": len(freeze(manifest).body) / 2**20,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "recall": (copies - left) / copies,
        "precision": (copies - left) / max(1, copies - left + lost),
        "recall_equal_only": (copies - left_equal) / copies,
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(QUICK_ROWS if asked.quick else ROWS, Path(folder))
    table = Table("figure", "value")
    for name, value in found.items():
        table.add_row(name, f"{value:,.4g}" if value < 1000 else f"{value:,.0f}")
    Console(stderr=asked.json).print(table)
    if asked.json:
        print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()
