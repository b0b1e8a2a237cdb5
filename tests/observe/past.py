"""Ledgers with past experiments, row by row, so that a test says exactly what is in them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from autotroph.observe.sampling import Draw
from autotroph.records import (
    Completion,
    Decision,
    Option,
    Record,
    Reward,
    Signal,
    Stage,
)
from autotroph.spec import Spec, parse
from autotroph.store import Store, open_store

HOUR = 3600.0

SPEC = """
[product]
name = "p"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
reward = "r"
[signals]
ok = { type = "boolean" }
stars = { type = "number" }
[rewards.r]
value = "ok"
horizon = "1h"
"""

OUTCOME = """
[outcomes.y]
value = "ok"
"""


DRAW = Draw("past", 0.01)


def spec(more: str = OUTCOME) -> Spec:
    return parse(SPEC + more)


class Past:
    """Writes a ledger; every verb appends at once, in order."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = open_store(folder / "ledger.db")
        self.store.set_meta("seed", "past")
        self.number = 0

    def write(self, rows: Iterable[Record]) -> None:
        given = list(rows)
        for start in range(0, len(given), 1000):
            self.store.append(*given[start : start + 1000]).durable()

    def stage(self, release: str, name: Any, share: float = 0.5) -> None:
        row = Stage(
            task="t", release=release, epoch=0, name=name, share=share, policy="", knowledge=0, verdict="",
            at=self.number * HOUR,
        )  # fmt: skip
        self.write([row])

    def decision(self, release: str, unit: str, arm: Any, at: float = 0.0, **changed: Any) -> Decision:
        self.number += 1
        fields: dict[str, Any] = {
            "id": f"d{self.number}", "task": "t", "release": release, "epoch": 0, "arm": arm, "p_arm": 0.5,
            "options": (Option("a", 1.0),), "option": "a", "unit": unit, "unit_kind": "user",
            "cluster": unit, "fold": "tracks", "policy": "", "variant": "", "declaration": "", "at": at,
        }  # fmt: skip
        return Decision(**(fields | changed))

    def shown(
        self, release: str, unit: str, arm: Any, reward: float | None, outcome: float | None, **more: Any
    ) -> list[Record]:
        """A decision with a reward and an outcome; neither is written where it is None."""
        output = more.pop("output", "")
        decision = self.decision(release, unit, arm, **more)
        rows: list[Record] = [decision, Completion(decision=decision.id, output=output, at=decision.at)]
        for name, value in (("r", reward), ("y", outcome)):
            if value is not None:
                rows.append(valued(decision.id, name, value))
        return rows

    def experiment(
        self, release: str, effect: tuple[float, float], arm: int = 60, *, seed: int = 0, ended: bool = True
    ) -> None:
        """A release beside its control: `arm` units each."""
        luck = np.random.default_rng(seed + 1000 * self.number)
        self.stage(release, "canary")
        rows: list[Record] = []
        for number in range(2 * arm):
            treated = number % 2
            reward, outcome = (0.5 + treated * each + 0.05 * float(luck.normal()) for each in effect)
            made = ("candidate", release) if treated else ("control", "zero")
            unit = f"{release} {number}"
            rows += self.shown(made[1], unit, made[0], reward, outcome, at=self.number * HOUR)
        self.write(rows)
        if ended:
            self.stage(release, "withdrawn", 0.0)

    def drawn(self, *, inside: bool = True) -> str:
        """A fresh id of a decision that is in the audit sample, or is not."""
        while True:
            self.number += 1
            if DRAW(f"d{self.number}") is inside:
                return f"d{self.number}"

    def audit(self, subject: str, value: Any, name: str = "stars", source: Any = "annotator") -> Signal:
        self.number += 1
        return Signal(
            id=f"s{self.number}", name=name, about="decision", subject=subject, value=value,
            at=self.number * HOUR, source=source,
        )  # fmt: skip


def valued(decision: str, name: str, value: float | None, version: str = "v1", **more: Any) -> Reward:
    fields: dict[str, Any] = {"final": True, "at": 0.0}
    return Reward(decision=decision, name=name, version=version, value=value, **(fields | more))
