"""Every way to change what is declared: none of it reaches people without the ladder.

Two products answer the same questions from the same seed. One is never touched. The other's declaration is
changed in any way at all, opened again, planned, applied and turned; whoever is not in a candidate's arm has
to meet the very same: the same options with the same chances, and the same answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotroph
from autotroph.clock import ReplayClock
from autotroph.errors import AutotrophError, SpecError
from autotroph.faces.library import Product
from autotroph.records import Proposal
from autotroph.spec.declaration import Declaration

START = 1_700_000_000.0

TOML = """
[product]
name = "changing"
[models.small]
kind = "openai"
base_url = "http://127.0.0.1:1/v1"
model = "small-8b"
[models.other]
kind = "local"
[tasks.route]
kind = "choice"
unit = "user"
actions = ["billing", "cards", "fraud"]
context = { plan = "category", age = "number" }
policy = { kind = "uniform" }
reward = "resolved"
guardrails = ["angry"]
[tasks.reply]
kind = "text"
reward = "kept"
policy = { kind = "longest", variant = "brief" }
[tasks.reply.variants.brief]
model = "small"
parameters = { temperature = 0.2 }
[tasks.reply.variants.long]
model = "small"
[signals]
resolved_fast = { type = "boolean" }
shouted = { type = "boolean" }
written = { type = "text", scores = "any" }
said = { type = "text" }
[rewards.resolved]
value = "resolved_fast"
horizon = "1m"
[rewards.kept]
value = "kept(written) / 10"
range = [0.0, 5.0]
horizon = "1m"
scores = "any"
[guardrails.angry]
value = "shouted"
margin = 0.1
horizon = "1m"
[tracks.learn]
kind = "policy"
task = "route"
parameters = { examples = 5 }
[tracks.adapt]
kind = "adapt"
task = "reply"
parameters = { signals = ["written"] }
[gate]
alpha = 0.05
minimum = 30
[ladder]
steps = [0.01, 0.5, 1.0]
holdback = 0.1
explore = 0.05
"""

LEARN = 'kind = "policy"\ntask = "route"\nparameters = { examples = 5 }\n'
LONG = "[tasks.reply.variants.long]"

CANDIDATE = {
    "models.kind": ('kind = "openai"', 'kind = "anthropic"'),
    "models.base_url": ("127.0.0.1:1/v1", "127.0.0.1:2/v1"),
    "models.model": ("small-8b", "small-9b"),
    "tasks.kind": ('kind = "text"', 'kind = "chat"'),
    "tasks.actions": ('["billing", "cards", "fraud"]', '["fraud", "cards"]'),
    "tasks.context": ("plan = ", 'city = "category", plan = '),
    "tasks.policy": ('kind = "uniform"', 'kind = "longest", variant = "fraud"'),
    "tasks.variants": (LONG, "[tasks.reply.variants.longer]"),
    "tasks.variants.model": ('model = "small"\nparameters', 'model = "other"\nparameters'),
    "tasks.variants.parameters": ("temperature = 0.2", "temperature = 0.9"),
}
"""What becomes a candidate."""

PLANNED = {
    "rewards.value": ('value = "resolved_fast"', 'value = "1 - resolved_fast"'),
    "rewards.horizon": ('value = "resolved_fast"\nhorizon = "1m"', 'value = "resolved_fast"\nhorizon = "2m"'),
    "rewards.range": ("range = [0.0, 5.0]", "range = [0.0, 4.0]"),
    "guardrails.value": ('value = "shouted"', 'value = "1 - shouted"'),
    "guardrails.margin": ("margin = 0.1", "margin = 0.9"),
    "tasks.reward": ('reward = "kept"', 'reward = "resolved"'),
    "tasks.guardrails": ('guardrails = ["angry"]\n', ""),
    "tasks.namespaces": ('reward = "resolved"\ng', 'reward = "resolved"\nnamespaces = ["acme"]\ng'),
    "tasks.segments": ('reward = "resolved"\ng', 'reward = "resolved"\nsegments = ["plan"]\ng'),
    "signals.take": (
        'resolved_fast = { type = "boolean" ',
        'resolved_fast = { type = "boolean", take = "first" ',
    ),
    "gate.alpha": ("alpha = 0.05", "alpha = 0.9"),
    "gate.minimum": ("minimum = 30", "minimum = 1"),
    "gate.margin": ("minimum = 30", "minimum = 30\nmargin = 0.5"),
    "gate.liars": ("minimum = 30", "minimum = 30\nliars = 0.1"),
    "ladder.steps": ("[0.01, 0.5, 1.0]", "[0.99, 1.0]"),
    "ladder.explore": ("explore = 0.05", "explore = 0.9"),
}
"""What a plan says and `apply` does; what a candidate has to show is another thing from then on."""

PROVEN = {
    "ladder.holdback": ("holdback = 0.1", "holdback = 0.4"),
    "ladder.watch": ("holdback = 0.1", "holdback = 0.1\nwatch = 0.3"),
}
"""What moves people between releases that have been proven, or came first."""

HOW_MADE = {
    "tracks.kind": (LEARN, 'kind = "adapt"\ntask = "reply"\n'),
    "tracks.every": ('task = "route"\n', 'task = "route"\nevery = 1\n'),
    "tracks.parameters": ('signals = ["written"]', 'signals = ["said"]'),
    "tasks.baselines": (
        "[tasks.reply.variants.brief]",
        '[tasks.reply.baselines]\nx = { kind = "uniform" }\n[tasks.reply.variants.brief]',
    ),
    "tasks.autonomy": ('reward = "kept"\n', 'reward = "kept"\nautonomy = "propose"\n'),
    "gate.fold": ("alpha = 0.05", "alpha = 0.05\nfold = 0.9"),
    "models.price": ('model = "small-8b"\n', 'model = "small-8b"\nprice = { input = 9.0, output = 9.0 }\n'),
    "models.api_key": ('model = "small-8b"\n', 'model = "small-8b"\napi_key = "env:SECRET"\n'),
}
"""How candidates are made and watched, and what answers cost; no answer is another one for it."""

WAYS = CANDIDATE | PLANNED | PROVEN | HOW_MADE

QUESTIONS = [
    (f"u{number}", {"plan": "gold" if number % 3 else "free", "age": float(number)}) for number in range(12)
]


class Writer:
    """Two answers to anything; one gets longer with what it has learned."""

    def __init__(self, learned: tuple[str, ...] = ()) -> None:
        self.learned = learned

    def propose(self, inputs: Mapping[str, Any]) -> Sequence[Proposal]:
        said = f"{inputs['text']} {' '.join(self.learned)}"
        return [
            Proposal("brief:line", said),
            Proposal("long:line", said * 2),
            Proposal("longer:line", said * 3),
        ]

    def fresh(self) -> "Writer":
        return Writer()

    def frozen(self) -> "Writer":
        return Writer(self.learned)

    def learn(self, text: str) -> None:
        self.learned += (text,)


def opened(folder: Path, text: str) -> Product:
    folder.mkdir(exist_ok=True)
    path = folder / "autotroph.toml"
    path.write_text(text, "utf-8")
    clock = ReplayClock("seven", at=START)
    return autotroph.open(path, models={"small": Writer(), "other": Writer((" other",))}, clock=clock)


class Met(msgspec.Struct, frozen=True):
    """What somebody meets: the options of a release with their chances, and the answer."""

    task: str
    user: str
    release: str
    held: bool
    chances: tuple[tuple[str, float], ...]
    output: str

    def like(self, other: "Met") -> bool:
        """Whether it is the same; in the holdback nobody explores, so that only the options are."""
        if self.held or other.held:
            options = {name for name, _ in self.chances}
            return (self.release, options) == (other.release, {name for name, _ in other.chances})
        return self == other


def met(product: Product, turn: int) -> Iterator[Met]:
    for user, inputs in QUESTIONS:
        for task, asked in (("route", inputs), ("reply", {"text": user})):
            answer = product.decide(task, asked, user=user, key=f"{turn} {task} {user}")
            decision = answer.decision
            assert decision.arm not in ("candidate", "experiment")
            chances = tuple((one.id, one.probability) for one in decision.options)
            yield Met(task, user, decision.release, decision.arm == "holdback", chances, answer.output)


def alike(left: Product, touched: Product, turn: int) -> bool:
    both = zip(met(left, turn), met(touched, turn), strict=True)
    return all(one.like(other) for one, other in both)


def changed(text: str, way: str) -> str:
    before, after = WAYS[way]
    return text.replace(before, after, 1)


def applied(product: Product) -> None:
    """Whatever the plan says, but for exploration, which is what nothing proves."""
    plan = product.plan()
    if plan.run and not plan.explored:
        product.apply(candidates=True, expected=plan.digest)


DEEDS = st.lists(
    st.one_of(
        st.sampled_from(sorted(WAYS)).map(lambda way: ("change", way)),
        st.sampled_from(["apply", "cycle", "propose", "signals"]).map(lambda deed: (deed, "")),
    ),
    min_size=1,
    max_size=8,
)


def done(product: Product, deed: str, turn: int) -> None:
    """One more thing that happens to a product; what it refuses is refused."""
    try:
        match deed:
            case "apply":
                applied(product)
            case "cycle":
                product.clock.advance(product.clock.now() + 3600.0)
                product.cycle()
            case "propose":
                product.propose("route", f"by hand {turn}", policy=autotroph.spec.Longest(variant="cards"))
            case "signals":
                for name, value in (
                    ("written", f"learned {turn}"),
                    ("said", "nonsense"),
                    ("resolved_fast", True),
                ):
                    task = "route" if name == "resolved_fast" else "reply"
                    known = product.decide(task, {"text": "u0"}, user="u0", key=f"signalled {turn} {name}")
                    product.signal(known.id, name, value, user="u0").durable()
    except AutotrophError:
        assert deed in ("cycle", "apply", "propose")


@settings(max_examples=12)
@given(deeds=DEEDS)
def test_whatever_is_declared_people_meet_what_was_proven(tmp_path_factory, deeds):
    folder, text = tmp_path_factory.mktemp("two"), TOML
    left, touched = opened(folder / "left", TOML), opened(folder / "touched", TOML)
    assert alike(left, touched, 0)
    for turn, (deed, way) in enumerate(deeds, 1):
        if deed == "change":
            text = changed(text, way)
            touched.close()
            try:
                touched = opened(folder / "touched", text)
            except SpecError:  # two changes that do not go together
                text = TOML
                touched = opened(folder / "touched", text)
        else:
            done(touched, deed, turn)
        assert alike(left, touched, turn), (deeds[:turn], "reached people")
    left.close()
    touched.close()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_each_change_alone_reaches_nobody(tmp_path, way):
    """Opened, planned, applied and turned round."""
    left = opened(tmp_path / "left", TOML)
    with opened(tmp_path / "touched", TOML) as touched:
        assert alike(left, touched, 0)
    text = changed(TOML, way)
    assert text != TOML
    try:
        with opened(tmp_path / "touched", text) as touched:
            for turn, deed in enumerate(("", "apply", "cycle", "signals", "cycle"), 1):
                if deed:
                    done(touched, deed, turn)
                assert alike(left, touched, turn)
            if way in CANDIDATE:
                board = touched.rooms.desks[_task(way)].board
                assert "declaration" in {one.track for one in board.under_way()}
    finally:
        left.close()


def _task(way: str) -> str:
    return "route" if way in ("tasks.actions", "tasks.context", "tasks.policy") else "reply"


REFUSED = {
    "tasks.route.unit": ('unit = "user"', 'unit = "decision"'),
    "product.name": ('"changing"', '"another"'),
}


@pytest.mark.parametrize("way", sorted(REFUSED))
def test_what_would_deal_everybody_out_again_is_refused(tmp_path, way):
    with opened(tmp_path, TOML) as product:
        assert list(met(product, 0))
    with pytest.raises(SpecError, match=way.replace(".", "[.]")):
        opened(tmp_path, TOML.replace(*REFUSED[way], 1))
    with opened(tmp_path, TOML) as product:
        assert list(met(product, 1))


class TestExploration:
    """What is random is not proven: more of it takes somebody who has seen the plan, less takes nobody."""

    def share(self, product: Product) -> float:
        answer = product.decide("reply", {"text": "x"}, user="u3", key=f"explored {product.store.last()}")
        return min(one.probability for one in answer.decision.options)

    def test_more_of_it_begins_when_the_plan_is_applied(self, tmp_path):
        with opened(tmp_path, TOML) as product:
            before = self.share(product)
        with opened(tmp_path, changed(TOML, "ladder.explore")) as product:
            assert self.share(product) == before
            plan = product.plan()
            assert [(one.was, one.share) for one in plan.explored] == [(0.05, 0.9)]
            product.apply(expected=plan.digest)
            assert self.share(product) == pytest.approx(before * 18)
            assert product.plan().run == ()

    def test_less_of_it_begins_at_once_and_does_not_come_back_by_itself(self, tmp_path):
        with opened(tmp_path, TOML) as product:
            before = self.share(product)
        with opened(tmp_path, TOML.replace("explore = 0.05", "explore = 0.01")) as product:
            assert self.share(product) == pytest.approx(before / 5)
        with opened(tmp_path, TOML) as product:
            assert self.share(product) == pytest.approx(before / 5)
            assert len(product.plan().explored) == 1


class TestWhatACandidateHasToShow:
    def test_other_standards_wait_for_somebody_while_a_candidate_is_under_way(self, tmp_path):
        with opened(tmp_path, TOML) as product:
            assert list(met(product, 0))
            product.propose("route", "by hand", policy=autotroph.spec.Longest(variant="cards"))
        with opened(tmp_path, changed(TOML, "gate.minimum")) as product:
            assert "gate" in product.rooms.halted("route")
            assert product.rooms.halted("reply") == ""
            (demanded,) = product.plan().demanded
            assert (demanded.task, demanded.parts) == ("route", ("gate",))
            product.apply(expected=product.plan().digest)
            assert product.rooms.halted("route") == ""
            assert product.rooms.desks["route"].board.under_way() == []

    def test_where_nothing_is_under_way_there_is_nobody_to_ask(self, tmp_path):
        opened(tmp_path, TOML).close()
        with opened(tmp_path, changed(TOML, "gate.minimum")) as product:
            assert product.rooms.halted("route") == ""
            assert product.plan().run == ()


BESIDE = {
    "product", "experiments", "retention", "run", "season", "sets", "outcomes",
    "privacy",  # what is to be blacked out is blacked out at once: nobody waits for that
    "signals", "rewards", "guardrails",  # by way of the measures that are made of them, as above
    "gate.audit", "gate.waiver", "ladder.floor", "ladder.patience", "ladder.minimum", "ladder.margin",
    "tracks.task", "tracks.budget", "tasks.unit",
    "tasks.sites",  # as if their program asked for the task by its name
    "tasks.schema", "models.calls", "models.most", "tasks.budget", "tasks.limit", "keys",  # who is refused
}  # fmt: skip
"""What no answer depends on, or what is refused, or what is held to the same rule as its neighbours above."""


def keys() -> Iterator[str]:
    """Everything that a declaration can say, two words deep; in a table of names, without the name."""
    for field in msgspec.structs.fields(Declaration):
        kinds = [one for one in (field.type, *get_args(field.type)) if isinstance(one, type)]
        inner = next((one for one in kinds if issubclass(one, msgspec.Struct)), None)
        yield from (
            (f"{field.name}.{one.name}" for one in msgspec.structs.fields(inner)) if inner else [field.name]
        )


def test_there_is_no_other_way():
    """A key that is new to the declaration is put where it belongs here, or nobody knows what it does."""
    told = BESIDE | WAYS.keys()
    assert [key for key in keys() if key not in told and key.partition(".")[0] not in told] == []
