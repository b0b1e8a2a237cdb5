"""Records of every kind, with values that a careless store changes."""

from typing import Any

from msgspec.structs import replace

from autotroph.clock import digest
from autotroph.records import (
    Artefact,
    Body,
    Candidate,
    Completion,
    Cycle,
    Decision,
    Entry,
    Erasure,
    Measurement,
    Option,
    Proposal,
    Record,
    Release,
    Reward,
    Signal,
    Stage,
    Terms,
    Variant,
    Verdict,
)

AWKWARD = "naïve ✓ \x00 'quoted' \"double\" ; -- \n\t 🜁"
TERMS = Terms(purposes=("improve", "report"), learn=False, region="eu", retention="short")


def decision(id_: str = "d1", **changed: object) -> Decision:
    """A decision in which no field has its default."""
    plain = Decision(
        id=id_,
        task="route",
        release="release_1",
        epoch=3,
        arm="candidate",
        p_arm=0.1 + 0.2,
        options=(Option("cards", 1 / 3), Option("fraud", 2 / 3)),
        option="cards",
        unit="u1",
        unit_kind="user",
        cluster="c1",
        fold="gate",
        policy=digest("policy"),
        variant=digest("variant"),
        declaration=digest("declaration"),
        at=1_700_000_000.123456,
        user="u1",
        verified=True,
        session="s1",
        served=False,
        shadows="d0",
        provenance="shadow",
        terms=TERMS,
        inputs={"text": AWKWARD, "n": 7, "x": 1e-300, "deep": {"list": [1, None, True, "null"]}},
        proposals=(Proposal("cards", AWKWARD, {"score": 5e-324, "length": 3.0}), Proposal("fraud")),
    )
    return replace(plain, **changed)


def signal(id_: str = "s1", **changed: object) -> Signal:
    """A signal in which no field has its default."""
    plain = Signal(
        id=id_,
        name="accepted",
        about="decision",
        subject="d1",
        value=True,
        at=1_700_000_001.5,
        source="outcome",
        user="u2",
        verified=True,
        fold="tracks",
        terms=TERMS,
    )
    return replace(plain, **changed)


def entry(number: int = 1) -> Entry:
    """A line of the journal."""
    return Entry(actor="gate", event="counted", subject=f"x{number}", details={"n": number}, at=float(number))


def examples() -> tuple[Record, ...]:
    """Records of every kind, with values that a careless store changes."""
    at = 1_700_000_002.25
    return (
        decision(),
        completion(at),
        signal("s1", value=False),
        signal("s2", value=1.0),
        signal("s3", value=-0.1),
        signal("s4", value="1"),
        Reward(decision="d1", name="kept", version="v1", value=None, final=False, at=at),
        Reward(decision="d1", name="kept", version="v1", value=1 / 3, final=True, at=at, clipped=True),
        Erasure(digest=digest("u9"), about="user", at=at),
        Artefact(digest=digest("body"), kind="policy", body=bytes(range(256))),
        _measurement(at),
        Cycle(number=1, through=9, at=at, counts={"rewards": 2}),
        *_changes(at),
        entry(),
    )


def completion(at: float) -> Completion:
    """What came of the decision `d1`."""
    few: dict[str, Any] = {"tokens_cached": 2**61, "tokens_out": 3, "tokens_reasoning": 2}
    times: dict[str, Any] = {"latency_ms": 0.1, "first_token_ms": 0.1 + 0.2, "finish": "length"}
    return Completion(decision="d1", output=AWKWARD, at=at, tokens_in=2**62, cost_usd=None, **few, **times)


def _measurement(at: float) -> Measurement:
    endless = float("inf")
    bounds: dict[str, Any] = {"value": 0.1, "low": -endless, "high": endless, "alpha": 0.05, "at": at}
    return Measurement(name="lift", task="route", n=3, since=1, until=9, **bounds)


def _changes(at: float) -> tuple[Candidate, Verdict, Release, Stage]:
    policy, reason = digest("policy"), AWKWARD
    small = Variant(model="m", parameters={"z": 0.2, "a": 1})
    what: dict[str, Any] = {"task": "route", "at": at}
    new = {
        **what,
        "name": "sharper",
        "parent": "r0",
        "body": Body(kind="text", variants={"small": small}, policy=policy),
    }
    return (
        Candidate(id="c1", track="policy", snapshot=digest("snapshot"), lineage=("c0",), **new),
        Verdict(id="v1", candidate="c1", judge="gate", finding="advance", reason=reason, **what, **_PROOF),
        Release(id="r1", candidate="c1", verdict="v1", **new),
        Stage(
            release="r1", epoch=1, name="canary", share=0.1, policy=policy, knowledge=9, verdict="v1", **what
        ),
    )


_PROOF: dict[str, Any] = {"evidence": {"n": 7, "e": [1.5, None]}, "alpha": 0.05 / 3}
