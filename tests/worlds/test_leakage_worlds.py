"""Worlds in which what is asked comes again: who only remembers, and who has learned.

Letters are sorted by their label. Of those in the gate's fold `AGAIN` were also asked by somebody whom the
tracks have learned from, with the same label. Gate, serving and digestion are the product's own.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import pytest

from autotroph.deploy.desk import Desk
from autotroph.deploy.gate import Bench, screened
from autotroph.deploy.models import ModelPool
from autotroph.deploy.releases import declared, released, staged
from autotroph.deploy.serving import Serving
from autotroph.deploy.sources import NOTHING, Sources
from autotroph.deploy.standing import Live, Standing
from autotroph.digest.digestion import Digestion
from autotroph.digest.measures import measured, measures_of
from autotroph.features.asked import asked
from autotroph.policy.documents import freeze
from autotroph.records import (
    Body,
    Candidate,
    Completion,
    Decision,
    Interaction,
    Proposal,
    Variant,
    Verdict,
)
from autotroph.spec import Longest, parse

AGAIN, FOLD, LEARNED, HOUR = 0.6, 200, 150, 3600.0

SPEC = """
[product]
name = "letters"
[models.fair]
kind = "local"
[models.new]
kind = "local"
[tasks.t]
kind = "text"
unit = "user"
context = { letter = "KIND" }
reward = "right"
[signals]
label = { type = "text", scores = "any" }
[rewards.right]
value = "output = label"
horizon = "1m"
scores = "any"
"""


BY = {name: Longest(variant=name) for name in ("fair", "new")}


class Sorter:
    """Sorts letters: which of them rightly is known."""

    def __init__(self, name: str, right: Mapping[str, bool]) -> None:
        self.name, self.right = name, right

    def propose(self, inputs: Mapping[str, Any]) -> Sequence[Proposal]:
        letter = str(inputs["letter"])
        return [Proposal(f"{self.name}:said", label(letter) if self.right[letter] else "other")]


def label(letter: str) -> str:
    return f"l{sum(letter.encode()) % 4}"


class World:
    """A fold, and a candidate that is right on what it has learned from, and elsewhere with a chance."""

    def __init__(self, seed: int, *, elsewhere: float, remembers: float = 1.0, kind: str = "text") -> None:
        luck = np.random.default_rng(seed)
        self.spec = parse(SPEC.replace("KIND", kind))
        self.measure = measures_of(self.spec, "t")["right"]
        learned = [f"letter {one}" for one in range(LEARNED)]
        known = luck.random(FOLD) < AGAIN
        pick = luck.integers(LEARNED, size=FOLD)
        self.fold = [
            learned[place] if again else f"new {number}"
            for number, (again, place) in enumerate(zip(known, pick, strict=True))
        ]
        letters = list(dict.fromkeys([*learned, *self.fold]))
        again = {one: one in set(learned) for one in letters}
        fair, new, old = luck.random((3, len(letters)))
        self.models = {
            "fair": Sorter("fair", {one: fair[n] < 0.5 for n, one in enumerate(letters)}),
            "new": Sorter(
                "new",
                {
                    one: bool(old[n] < remembers if again[one] else new[n] < elsewhere)
                    for n, one in enumerate(letters)
                },
            ),
        }
        self.digestion = self._digested(learned)

    def _digested(self, learned: Sequence[str]) -> Digestion:
        found = Digestion("t", self.measure, partial(asked, task=self.spec.task("t")))
        for number, letter in enumerate(learned):
            found.keep(self._asked(f"t{number}", letter, "tracks"), HOUR)
        return found

    def _asked(self, id_: str, letter: str, fold: Any) -> Interaction:
        (said,) = self.models["fair"].propose({"letter": letter})
        decision = Decision(
            id=id_, task="t", release=self.zero.release.id, epoch=0, arm="main", p_arm=1.0, options=(),
            option=said.option, unit=id_, unit_kind="user", cluster=id_, fold=fold, policy="", variant="",
            declaration="", at=0.0, inputs={"letter": letter.upper() if fold == "gate" else letter},
            proposals=(said,),
        )  # fmt: skip
        completion = Completion(decision=id_, output=said.output, at=0.0)
        return Interaction(decision=decision, completion=completion, signals={"label": label(letter)})

    @cached_property
    def zero(self) -> Live:
        release = declared("t", "release 0", self._body("fair"), 0.0)
        return Live(release, staged(release, "serving", 1.0, 0, 0.0))

    def _body(self, name: str) -> Body:
        variants = {name: Variant(model=name)}
        return Body(kind="text", variants=variants, policy=freeze(BY[name]).digest)

    def judged(self, *, checked: bool = True) -> Verdict:
        """What the gate finds."""
        documents = {one.digest: one for one in map(freeze, BY.values())}
        lower = {name: _Lower(model) for name, model in self.models.items()}
        serving = Serving(
            ModelPool(lower, lambda *_: ()),
            {freeze(one).digest: one for one in BY.values()}.__getitem__,
            "salt",
        )
        desk, zero = Desk("t", self.spec, serving), self.zero
        fold = [self._asked(f"g{number}", letter, "gate") for number, letter in enumerate(self.fold)]
        for one in fold:
            desk.comparisons.serve(one.decision)
            value = measured(self.measure, one, HOUR)
            assert value is not None
            desk.comparisons.take(one.decision, value)
        candidate = Candidate(
            id="c", task="t", name="c", track="person", parent=zero.release.id, body=self._body("new"),
            snapshot="", at=0.0,
        )  # fmt: skip
        live = Live(
            *(lambda release: (release, staged(release, "shadow", 0.0, 0, 0.0)))(released(candidate, ""))
        )
        standing = Standing(zero=zero, main=zero, parent=None, canary=None, shadows=(), baselines=())
        sources: Sources = NOTHING._replace(artefact=documents.get)
        if checked:
            sources = sources._replace(learned=self.digestion.learned)
        bench = Bench(serving, self._worth, desk.weighing, 0.02, HOUR, sources)
        return screened(candidate, live, standing, fold, bench, desk.rule("screen"))

    def _worth(self, interaction: Interaction, completion: Completion) -> float:
        return float(completion.output == interaction.signals["label"])


class _Lower:
    """Reads a letter in whatever case it is written."""

    def __init__(self, sorter: Sorter) -> None:
        self.sorter = sorter

    def propose(self, inputs: Mapping[str, Any]) -> Sequence[Proposal]:
        return self.sorter.propose({"letter": str(inputs["letter"]).lower()})


def findings(runs: int, *, checked: bool = True, **world: Any) -> set[str]:
    return {World(seed, **world).judged(checked=checked).finding for seed in range(runs)}


RUNS = [pytest.param(5, id="5"), pytest.param(200, id="200", marks=pytest.mark.slow)]
REMEMBERS: dict[str, Any] = {"elsewhere": 0.2}
HAS_LEARNED: dict[str, Any] = {"elsewhere": 0.85, "remembers": 0.85}


@pytest.mark.parametrize("runs", RUNS)
class TestWhoOnlyRemembers:
    def test_passes_where_nobody_asks_what_was_seen(self, runs):
        assert findings(runs, checked=False, **REMEMBERS) == {"advance"}

    def test_is_refused_where_somebody_does(self, runs):
        assert findings(runs, **REMEMBERS) == {"refused"}


@pytest.mark.parametrize("runs", RUNS)
def test_who_has_learned_passes(runs):
    assert findings(runs, **HAS_LEARNED) == {"advance"}


@pytest.mark.parametrize("runs", RUNS)
def test_categories_that_come_again_are_no_leak_though_some_are_too_rare_to_have_been_seen(runs):
    assert findings(runs, kind="category", **REMEMBERS) == {"advance"}


def test_the_verdict_says_how_much_was_seen_and_what_it_was_judged_by():
    verdict = World(0, **REMEMBERS).judged()
    assert verdict.reason.startswith("it is good only where its inputs were seen before: 5")
    found = verdict.evidence["leakage"]
    assert 0.5 < found["share"] < 0.7
    assert (found["text"], found["judged"]) == (True, "unseen")
    assert found["units"] == verdict.evidence["units"] == round(FOLD * (1 - found["share"]))
    few = World(0, kind="category", **REMEMBERS).judged().evidence["leakage"]
    assert few == {**found, "text": False, "judged": "all"}
