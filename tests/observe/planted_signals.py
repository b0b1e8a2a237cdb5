"""A history in which it is known which signal is worth chasing, and which tasks are worth a loop."""

import numpy as np

from autotroph.records import Completion, Decision, Option, Record, Reward, Signal
from autotroph.spec import Spec, parse
from autotroph.store import Store

START = 1_700_000_000.0
DAY = 86_400.0

TOML = """
[product]
name = "planted"
[tasks.reply]
kind = "text"
unit = "user"
reward = "useful"
[signals]
helped = { type = "boolean" }
copies = { type = "number" }
coin = { type = "number" }
praised = { type = "number" }
survey = { type = "number", about = "user" }
returned = { type = "boolean" }
thumb = { type = "boolean" }
rare = { type = "number" }
never = { type = "number" }
written = { type = "text", scores = "any" }
[signals.left]
type = "boolean"
sql = "SELECT decision AS subject, next_at IS NULL AS value, at FROM moments"
[rewards.useful]
value = "helped"
[outcomes.retained]
value = "returned"
horizon = "7d"
"""
WORDS = ("thank", "you", "for", "writing", "to", "us", "your", "order", "is", "on", "its", "way")


def spec() -> Spec:
    return parse(TOML)


def live(store: Store, *, users: int = 400, each: int = 3, seed: int = 7, step: int = 2000) -> None:
    """Users ask a few times each: what drives whether they return is whether they were helped."""
    luck = np.random.default_rng(seed)
    rows: list[Record] = []
    for user in range(users):
        mood = float(luck.random())
        for turn in range(each):
            rows += _turn(luck, user, turn, users, mood)
            if len(rows) > step:
                store.append(*rows)
                rows = []
    store.append(*rows).durable()


def _turn(luck: np.random.Generator, user: int, turn: int, users: int, mood: float) -> list[Record]:
    id_, at = f"d{user}.{turn}", START + 60 * DAY * (user / users) + 60.0 * turn
    length = int(luck.integers(3, 80))
    output = " ".join(WORDS[n % len(WORDS)] for n in range(length))
    helped = luck.random() < mood
    returned = luck.random() < (0.85 if helped else 0.15)

    def said(name: str, value: bool | float | str, after: float, source: str = "user", **more: str) -> Signal:
        given = {"about": "decision", "subject": id_, "user": f"u{user}", **more}
        return Signal(id=f"{name} {id_}", name=name, value=value, at=at + after, source=source, **given)

    rows: list[Record] = [
        Decision(
            id=id_, task="reply", release="r", epoch=0, arm="main", p_arm=1.0, options=(Option("one", 1.0),),
            option="one", unit=f"u{user}", unit_kind="user", cluster=f"u{user}", fold="tracks", policy="",
            variant="", declaration="", at=at, user=f"u{user}",
        ),
        Completion(decision=id_, output=output, at=at),
        said("helped", bool(helped), float(luck.exponential(120.0))),
        said("coin", float(luck.integers(0, 5)), 10.0),
        said("praised", length / 10 + float(luck.normal(0, 1)) + 0.5 * helped, 30.0),
        said("returned", bool(returned), 6 * DAY, source="outcome"),
        said("left", not helped if luck.random() < 0.8 else bool(helped), 300.0, source="system"),
        said("survey", returned + float(luck.normal(0, 0.2)), 20 * DAY, about="user", subject=f"u{user}"),
        Reward(
            decision=id_, name="retained", version="v1", kind="outcome", value=float(returned), final=True,
            at=at + 7 * DAY,
        ),
    ]  # fmt: skip
    if helped and luck.random() < 0.5:
        rows.append(said("thumb", True, 60.0))
    if luck.random() < 0.5:
        rows.append(said("copies", 3.0 * helped + float(luck.normal(0, 1)), 400.0))
    if user < 5:
        rows.append(said("rare", 1.0, 1.0))
    if turn == 0:
        rows.append(said("written", output if helped else "no", 90.0))
    return rows
