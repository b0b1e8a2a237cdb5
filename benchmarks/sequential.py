"""Tests that may be looked at whenever one likes: how often are they wrong, and how soon are they right?

    .venv/bin/python -m benchmarks.sequential [--quick] [--json]

Worlds with a known answer (`sequential_worlds`), drawn anew from a seed, each with the naive way beside it.
Peers in the same run: a z-test that is looked at, the asymptotic confidence sequence tuned to each effect's
own n, and TensorZero's rules written anew (`sequential_peers`). The level is .05 and one-sided, the base rate
.3, and all are looked at after every pair. What is ours is the library's one exact test as it ships.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks import sequential_peers as peers
from benchmarks import sequential_worlds as worlds
from benchmarks.sequential_paths import (
    ALPHA,
    Array,
    asymptotic,
    bet,
    coins,
    decided,
    differences,
    peeked,
    tolerated,
)

SEED = 20260
TUNED = {0.24: 674, 0.15: 93, 0.285: 11_370}
"""What a fixed horizon with 80 % power would take: what the asymptotic sequence is tuned to."""

Bools = NDArray[np.bool_]


class Size(msgspec.Struct, frozen=True):
    """How often each world is drawn."""

    runs: int
    pool: int
    few: int
    tiny: int


FULL, QUICK = Size(runs=2000, pool=20_000, few=400, tiny=200), Size(runs=400, pool=3000, few=40, tiny=0)


class Row(msgspec.Struct, frozen=True):
    """One line of the table: what was measured of ours, what was asked for, and what stands beside it."""

    key: str
    trap: str
    ours: float
    asked: str
    beside: dict[str, float]


def main() -> None:
    """Run, print a table, and with --json one object on the last line."""
    given = _arguments()
    console, size = Console(stderr=given.json), QUICK if given.quick else FULL
    found: list[Row] = []
    with console.status("drawing") as status:
        for place, rows in enumerate(ROWS):
            status.update(f"drawing: {rows.__name__}, {place + 1} of {len(ROWS)}")
            found += rows(np.random.default_rng([SEED, place]), size)
    console.print(_table(found, size))
    if given.json:
        sys.stdout.write(msgspec.json.encode(as_object(found)).decode() + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.sequential", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK.runs} runs, {QUICK.few} of what is slow"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def nothing(luck: np.random.Generator, size: Size) -> Iterator[Row]:
    """A/A: units drawn afresh, and units that come back."""
    arms = [(coins(luck, 0.3, (200, 5000)), coins(luck, 0.3, (200, 5000))) for _ in range(size.runs // 200)]
    level = f"≤ {tolerated(size.runs):.3f}"
    beside = {name: _share(arms, test) for name, test in _contestants(TUNED[0.24]).items()}
    yield Row("aa", "A/A, 5,000 pairs: promoted", _share(arms, _ours), level, beside)
    yield Row("aa_rollback", "A/A: rolled back", _share(arms, lambda a, b: _ours(b, a)), level, {})
    for users, times in ((500, 20), (200, 100)):
        parts = [worlds.sticky(luck, users, times, 100) for _ in range(size.runs // 100)]
        found = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
        key, trap = f"aa_sticky_{users}x{times}", f"sticky A/A, {users} users × {times}"
        yield Row(
            key, f"{trap}: promoted", found["promoted"], level, {"each decision": found["each decision"]}
        )
        yield Row(f"{key}_rollback", f"{trap}: rolled back", found["rolled back"], level, {})


def _ours(first: Bools, second: Bools) -> Array:
    return bet(differences(first, second))


def _contestants(planned: int) -> dict[str, Callable[[Bools, Bools], Array]]:
    return {
        "z, peeked": lambda a, b: peeked(differences(a, b)),
        "asymptotic, tuned": lambda a, b: asymptotic(differences(a, b), planned),
        "TensorZero": lambda a, b: peers.stopping(a, b)[0],
        "TensorZero, sequences": peers.sequences,
    }


def _share(arms: list[tuple[Bools, Bools]], test: Callable[[Bools, Bools], Array]) -> float:
    return float(np.mean([decided(test(first, second)) for first, second in arms]))


def seasons(luck: np.random.Generator, size: Size) -> Iterator[Row]:
    """Many candidates, half of them better: is one promoted that is not?"""
    found = worlds.seasons(luck, size.runs, size.pool)
    wrong = {"e-BH": found["wrong, e-BH"], "α each": found["wrong, α each"]}
    yield Row(
        "mixed_fwer", "80 better, 80 null: any null", found["wrong, ledger"], f"≤ {ALPHA + 0.015:.3f}", wrong
    )
    power = {"e-BH": found["found, e-BH"], "α/160": found["found, α/160"]}
    yield Row("mixed_found", "… and of the better are found", found["found, ledger"], "", power)


def learned(luck: np.random.Generator, size: Size) -> Iterator[Row]:
    """Candidates learned from a log in which nothing matters."""
    found = worlds.learned(luck, size.few)
    beside = {"its training log": found["its training log"]}
    level = f"≤ {tolerated(size.few):.3f}"
    yield Row("learned", "learned where no option matters", found["fresh decisions"], level, beside)


def ramp(luck: np.random.Generator, size: Size) -> Iterator[Row]:
    """A ramp while the base rate drifts."""
    found = worlds.ramp(luck, size.few)
    beside = {"pooled means": found["pooled means"]}
    yield Row("ramp", "ramp 1 % → 50 %, drift", found["weighted"], f"≤ {tolerated(size.few):.3f}", beside)


def delay(luck: np.random.Generator, size: Size) -> Iterator[Row]:
    """What comes back takes a day in one arm and three in the other."""
    long, between, short = (worlds.delay(luck, days, size.few) for days in (21, 7, 3))
    level, naive = f"≤ {tolerated(size.few):.3f}", "nothing yet is 0"
    yield Row("delay", "1 day against 3, 21 final", long["covered"], level, {naive: long[naive]})
    for days, found in ((7, between), (3, short)):
        beside = {"final at the horizon": found["final"], naive: found[naive]}
        yield Row(f"delay_{days}", f"… {days} final: promoted", found["covered"], "0", beside)
        yield Row(f"delay_{days}_undecided", f"… {days} final: undecided", found["undecided"], "1", {})


def rare(luck: np.random.Generator, size: Size) -> Iterator[Row]:
    """The arm with the fewer events must not win; theirs stops for the one listed first."""
    for name, rates, key in (
        ("rare, .01 against .05", (0.01, 0.05), "rare_wrong"),
        ("rarer, .001 against .002", (0.001, 0.002), "rarer_wrong"),
    ):
        steps = [
            differences(*(coins(luck, rate, (200, 5000)) for rate in rates)) for _ in range(size.runs // 200)
        ]
        ours = float(np.mean([decided(bet(each)) for each in steps]))
        beside = {"asymptotic, tuned": float(np.mean([decided(asymptotic(each, 674)) for each in steps]))}
        for place, order in (("worse first", rates), ("better first", rates[::-1])):
            stops, winner = peers.tracked(luck, order, 0.02, size.runs, 5000)
            wrong = np.isfinite(stops) & (np.asarray(order)[winner] == min(rates))
            beside[f"TensorZero, ε .02, {place}"] = float(wrong.mean())
        beside["… stopped after, median"] = float(np.median(stops))
        yield Row(key, f"{name}: wrong arm", ours, f"≤ {tolerated(size.runs):.3f}", beside)


def harm(luck: np.random.Generator, size: Size) -> Iterator[Row]:
    """How many pairs until harm is found."""
    asked = {
        0.24: (4500, "harm20", "−20 %", "≤ 620", "≤ 1,950"),
        0.15: (800, "harm50", "−50 %", "≤ 105", "≤ 270"),
    }
    for treated, (length, key, name, median, late) in asked.items():
        found = _stops(luck, treated, length, size.runs * 3)
        for suffix, share, limit in (("median", 0.5, median), ("p95", 0.95, late)):
            at = {who: float(np.quantile(each, share, method="lower")) for who, each in found.items()}
            yield Row(f"{key}_{suffix}", f"{name}: pairs, {suffix}", at.pop("autotroph"), limit, at)
    if size.tiny:
        found = _stops(luck, 0.285, 40_000, size.tiny)
        at = {who: float(np.quantile(each, 0.5, method="lower")) for who, each in found.items()}
        yield Row("harm5_median", "−5 %: pairs, median", at.pop("autotroph"), "", at)


def _stops(luck: np.random.Generator, treated: float, length: int, runs: int) -> dict[str, Array]:
    tests = {"autotroph": _ours, **_contestants(TUNED[treated])}
    del tests["z, peeked"]
    found: dict[str, list[Array]] = {name: [] for name in tests}
    each = max(50, min(500, 2_000_000 // length))
    for _ in range(max(1, runs // each)):
        arms = coins(luck, worlds.BASE, (each, length)), coins(luck, treated, (each, length))
        for name, test in tests.items():
            found[name].append(test(*arms))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def shares(luck: np.random.Generator, size: Size) -> Iterator[Row]:
    """A sample ratio that is wrong, and one that is not."""
    found = worlds.mismatch(luck, 0.52, size.few)
    yield Row("ratio_found", "52 to 48, 20,000 units: blocked", found, "≥ .9", {})
    alarms = worlds.mismatch(luck, 0.5, size.runs)
    yield Row("ratio_false", "50 to 50: alarms", alarms, f"≤ {tolerated(size.runs, 0.001):.4f}", {})


def liars(luck: np.random.Generator, size: Size) -> Iterator[Row]:
    """Users who lie: many times each, as many as declared, one by one or all at once."""
    found = worlds.liars(luck, size.few // 2)
    held = found.pop("held")
    yield Row("liars", ".5 % vote 50 times, 2 points worse", held, "0", found)
    for burst, name in ((False, "in any order"), (True, "all at first")):
        found = worlds.declared(luck, size.few // 2, burst=burst)
        key, level = "liars_burst" if burst else "liars_declared", f"≤ {tolerated(size.few // 2):.3f}"
        held = found.pop("held")
        yield Row(key, f"2 % lie, {name}: promoted", held, level, found)


ROWS: tuple[Callable[[np.random.Generator, Size], Iterator[Row]], ...] = (
    nothing,
    seasons,
    learned,
    ramp,
    delay,
    rare,
    harm,
    shares,
    liars,
)


def _table(found: list[Row], size: Size) -> Table:
    caption = f"{size.runs} runs, {size.few} of what is slow; seed {SEED}"
    table = Table(title="Looked at whenever one likes", caption=caption)
    for column in ("", "autotroph", "asked for", "beside it"):
        table.add_column(column, justify="right" if column in ("autotroph", "asked for") else "left")
    for row in found:
        beside = "; ".join(f"{name} {_number(value)}" for name, value in row.beside.items())
        table.add_row(row.trap, _number(row.ours), row.asked, beside)
    return table


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "never"
    return f"{value:,.0f}" if value > 1 else f"{value:.4f}".rstrip("0").rstrip(".")


def as_object(found: list[Row]) -> dict[str, object]:
    """Ours by key, and what stands beside each under `peers`."""
    figures: dict[str, object] = {row.key: row.ours for row in found}
    return figures | {"peers": {row.key: row.beside for row in found if row.beside}}


if __name__ == "__main__":
    main()
