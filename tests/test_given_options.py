"""Options that come with the call are the options of every release, offline as in front of people."""

from pathlib import Path

import autotroph
from autotroph.clock import ReplayClock
from autotroph.records import Proposal, Verdict
from autotroph.spec import Longest

DECLARED = """
[product]
name = "given"
[models.none]
kind = "local"
[tasks.say]
kind = "text"
unit = "decision"
reward = "kept"
policy = { kind = "longest", variant = "short" }
[tasks.say.variants.short]
model = "none"
[tasks.say.variants.long]
model = "none"
[signals]
written = { type = "text", scores = "any" }
[rewards.kept]
value = "kept(written) / 10"
range = [0.0, 1.0]
horizon = "1m"
scores = "any"
[gate]
fold = 0.5
minimum = 20
[ladder]
steps = [0.5, 1.0]
floor = "1m"
explore = 0.0
"""


def test_a_candidate_over_given_options_is_judged_on_them(tmp_path: Path) -> None:
    path = tmp_path / "autotroph.toml"
    path.write_text(DECLARED, encoding="utf-8")
    clock = ReplayClock("given", at=1_000.0)
    options = (Proposal("short", "ab", {"chars": 2.0}), Proposal("long", "abcdefgh", {"chars": 8.0}))
    with autotroph.open(path, clock=clock) as product:
        for number in range(240):
            answer = product.decide("say", {"n": number}, key=str(number), options=options)
            assert answer.output == "ab" or number > 60
            product.signal(answer.id, "written", "abcdefghij")
            clock.advance(clock.now() + 60.0)
            if number == 40:
                product.propose("say", "say more", policy=Longest(variant="long"))
            product.cycle()
        found = [(one.judge, one.finding) for one in product.store.scan(Verdict)]
    assert ("gate", "advance") in found
    assert ("ladder", "promoted") in found
