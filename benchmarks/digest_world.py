"""A product's history to digest: decisions, what came of them, and what came back, through the real store.

Four variants on three arms, 20,000 people. Some are never heard of again, some say it twice, some too late,
a few did not agree to be learned from.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from autotroph.clock import ReplayClock
from autotroph.records import Completion, Decision, Option, Proposal, Record, Signal, Terms, Value
from autotroph.spec import Spec, parse
from autotroph.store import open_store

START, SPAN = 1_750_000_000.0, 30 * 86_400.0
DAY = 86_400.0
USERS, BATCH = 20_000, 2_000
VARIANTS = ("brief", "careful", "chatty", "formal")
ARMS = ("main", "control", "candidate")
LIKED = {"brief": 0.52, "careful": 0.61, "chatty": 0.47, "formal": 0.55}
PRICE = {"brief": 0.002, "careful": 0.009, "chatty": 0.004, "formal": 0.003}
NOT_ASKED = Terms(purposes=(), learn=False)
WORDS = ("thank", "you", "for", "writing", "about", "the", "card", "that", "was", "lost", "we", "send")

DECLARATION = """
[product]
name = "support"
[models.m]
kind = "local"
[tasks.reply]
kind = "chat"
unit = "user"
reward = "useful"
guardrails = ["cost", "latency", "disliked"]
[tasks.reply.variants]
brief = { model = "m" }
careful = { model = "m" }
chatty = { model = "m" }
formal = { model = "m" }
[signals]
accepted = { type = "boolean" }
rating = { type = "number" }
written = { type = "text", scores = "any" }
[rewards.useful]
value = "0.7 * accepted + 0.3 * coalesce(rating, 3) / 5 - 20 * cost_usd"
range = [0, 1]
horizon = "1d"
silent = { accepted = false }
[guardrails.cost]
margin = 0.001
value = "cost_usd"
[guardrails.latency]
margin = 50
value = "latency_ms"
[guardrails.disliked]
margin = 0.02
value = "rating < 2"
"""
"""`useful` is chased; the guardrails stand beside it."""

NOW = START + SPAN - DAY / 2
"""In the last day before it, decisions are not final yet."""


def declared() -> Spec:
    """What the product declares."""
    return parse(DECLARATION)


def write(path: Path, decisions: int, tell: Callable[[int], object] = lambda _: None) -> None:
    """Writes a history of so many decisions, and as many signals, into a new ledger.

    Args:
        path: the ledger.
        decisions: how many.
        tell: hears how many there are so far.
    """
    rows, done = history(decisions), 0
    with closing(open_store(path)) as store:
        while batch := tuple(islice(rows, BATCH)):
            store.append(*batch)
            done += len(batch)
            tell(done)
        store.append().durable()


def history(decisions: int) -> Iterator[Record]:
    """The rows, in the order in which they come."""
    luck, clock = random.Random(4), ReplayClock("digest")
    late: list[Signal] = []
    for number in range(decisions):
        at = START + SPAN * number / decisions
        decision, completion = _answered(luck, clock.new_id("decision"), at)
        yield decision
        yield completion
        for signal in _said(luck, decision, number):
            if signal.at > at + DAY / 2:
                late.append(signal)
            else:
                yield signal
    yield from late


def _answered(luck: random.Random, id_: str, at: float) -> tuple[Decision, Completion]:
    user, option = f"user_{luck.randrange(USERS):05}", luck.choice(VARIANTS)
    arm = ARMS[int(user[-2:]) % 20 // 18 + (int(user[-2:]) % 20 == 19)]
    decision = Decision(
        id=id_,
        task="reply",
        release="release_2" if arm == "candidate" else "release_1",
        epoch=1,
        arm=arm,  # type: ignore[arg-type]
        p_arm=0.9 if arm == "main" else 0.05,
        options=tuple(Option(name, 0.25) for name in VARIANTS),
        option=option,
        unit=user,
        unit_kind="user",
        cluster=user,
        fold="gate" if int(user[-1:]) < 2 else "tracks",
        policy="5" * 64,
        variant="6" * 64,
        declaration="7" * 64,
        at=at,
        user=user,
        session=f"{user}/{int((at - START) // DAY)}",
        terms=NOT_ASKED if luck.random() < 0.05 else Terms(),
        inputs={"text": " ".join(luck.choices(WORDS, k=6))},
        proposals=(Proposal(option),),
    )
    text = " ".join(luck.choices(WORDS, k=8))
    cost, latency = PRICE[option] * luck.uniform(0.5, 1.5), luck.lognormvariate(6, 0.5)
    return decision, Completion(
        decision=id_, output=text, at=at, tokens_in=40, tokens_out=10, cost_usd=cost, latency_ms=latency
    )


def _said(luck: random.Random, decision: Decision, number: int) -> Iterator[Signal]:
    """One signal a decision on average: of three kinds, twice now and then, and sometimes too late."""
    said: list[tuple[str, Value]] = []
    if luck.random() < 0.5:
        said.append(("accepted", luck.random() < LIKED[decision.option]))
    if luck.random() < 0.28:
        said.append(("rating", float(luck.randrange(1, 6))))
    if luck.random() < 0.2:
        said.append(("written", " ".join(luck.choices(WORDS, k=8))))
    if luck.random() < 0.02:
        said.append(("accepted", luck.random() < 0.5))
    for place, (name, value) in enumerate(said):
        delay = luck.expovariate(1 / 3600) if luck.random() > 0.03 else DAY * luck.uniform(0.8, 1.6)
        yield Signal(
            id=f"signal_{number:09}{place}",
            name=name,
            about="decision",
            subject=decision.id,
            value=value,
            at=decision.at + delay,
            user=decision.user,
            fold=decision.fold,
            key=f"{number:09}{place}",
            terms=decision.terms,
        )
