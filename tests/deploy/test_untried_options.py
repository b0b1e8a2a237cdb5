"""What was never served, so that no log can judge it: people do, if somebody asked for it."""

import pytest

import autotroph
from autotroph.clock import ReplayClock
from autotroph.records import Verdict
from autotroph.spec import Longest

TOML = """
[product]
name = "untried"
[tasks.t]
kind = "choice"
unit = "decision"
actions = ["a", "b"]
reward = "good"
policy = { kind = "uniform" }
[signals]
liked = { type = "boolean" }
[rewards.good]
value = "liked"
horizon = "1m"
[gate]
fold = 0.9
minimum = 5
[ladder]
holdback = 0.0
explore = 0.0
"""


@pytest.fixture
def used(tmp_path):
    """A product with decisions in the gate's fold, and the same one with another action declared."""
    path, clock = tmp_path / "autotroph.toml", ReplayClock("seven", at=1_700_000_000.0)
    path.write_text(TOML, "utf-8")
    with autotroph.open(path, clock=clock) as product:
        for _ in range(20):
            product.signal(product.decide("t", {}).id, "liked", True)
        clock.advance(clock.now() + 3600.0)
        product.cycle()
    more = TOML.replace('"b"]', '"b", "c"]')
    path.write_text(more.replace('kind = "uniform"', 'kind = "longest", variant = "c"'), "utf-8")
    with autotroph.open(path, clock=clock) as product:
        yield product


def found(product, name: str) -> Verdict:
    clock = product.clock
    clock.advance(clock.now() + 60.0)
    product.cycle()
    ids = {one.id for one in product.rooms.desks["t"].board.candidates.values() if one.name.startswith(name)}
    return next(one for one in product.store.scan(Verdict) if one.candidate in ids)


def test_what_somebody_declares_goes_to_people_by_the_first_step(used):
    used.apply(expected=used.plan().digest)
    verdict = found(used, "declared")
    assert (verdict.finding, verdict.evidence["novel"]) == ("advance", "c")
    assert used.rooms.desks["t"].standing.canary.stage.share == 0.01


def test_what_the_log_can_judge_is_judged_by_it(used):
    used.propose("t", "by hand", policy=Longest(variant="b"))
    verdict = found(used, "by hand")
    assert verdict.evidence["kind"] == "off-policy"
    assert verdict.evidence["units"] >= 5
