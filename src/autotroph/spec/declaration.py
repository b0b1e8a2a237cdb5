"""What the owner declares: `autotroph.toml` as frozen values, with defaults so that a short file works."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from autotroph.clock import digest, draw
from autotroph.errors import SpecError, UnknownName
from autotroph.records import ContextType, Fold, TaskKind, Terms, Upstream, canonical
from autotroph.spec.declared import Declared
from autotroph.spec.durations import Duration
from autotroph.spec.expressions import ANSWER_COLUMNS, Expression, compile_expression
from autotroph.spec.namespaces import MARK
from autotroph.spec.numbers import Chance, Count, NotNegative, Share, ShareOrNone, Step
from autotroph.spec.paying import BudgetSpec, KeySpec, LimitSpec, PriceSpec
from autotroph.spec.policies import First, PolicyDocument
from autotroph.spec.sets import SetSpec
from autotroph.spec.traffic import Traffic
from autotroph.spec.tree import ColumnType
from autotroph.spec.upstreams import CallSpec
from autotroph.spec.whole import PrivacySpec, ProductSpec, RetentionSpec, RunSpec, SeasonSpec


class ModelSpec(Declared, frozen=True, kw_only=True):
    """Who can answer. `api_key` is a reference, `env:NAME` or `file:PATH`, never the secret itself."""

    kind: Literal["openai", "anthropic", "local"]
    base_url: str = ""
    model: str = ""
    api_key: str = ""
    price: PriceSpec | None = None
    calls: CallSpec = CallSpec()


class VariantSpec(Declared, frozen=True, kw_only=True):
    """One way of answering: a model, or a cascade that stops where `accept` holds.

    Attributes:
        cascade: models, or variants of the same task, that are asked one after the other.
        fallback: as these; who is asked, one after the other, where the others do not answer.
    """

    model: str = ""
    prompt: str = ""
    parameters: dict[str, Any] = {}
    cascade: tuple[str, ...] = ()
    accept: str = ""
    fallback: tuple[str, ...] = ()


class TaskSpec(Declared, frozen=True, kw_only=True):
    """A job that the product asks for. `policy` is release 0; `baselines` are shadowed, never served.

    Attributes:
        namespaces: each has a task like this one for itself, `NAME@NAMESPACE`; see `spec.namespaces`.
        segments: names of its context; harm is looked for in each of their values apart, too.
        sites: the call sites whose calls are of this task, though they ask for a model and not for a task.
        autonomy: what happens without a person: nobody meets a candidate (`propose`), it climbs as far as the
            last step (`canary`), all of it (`full`).
        schema: of its inputs: a JSON Schema, or the file of one.
        budget, limit: what all of its answers together may cost, and how many there may be.
    """

    kind: TaskKind
    unit: Literal["user", "session", "decision"] = "user"
    reward: str = ""
    guardrails: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    context: dict[str, ContextType] = {}
    variants: dict[str, VariantSpec] = {}
    policy: PolicyDocument = First()
    baselines: dict[str, PolicyDocument] = {}
    namespaces: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    autonomy: Literal["propose", "canary", "full"] = "full"
    budget: BudgetSpec | None = None
    limit: LimitSpec | None = None
    schema: str | dict[str, Any] = msgspec.field(default="", name="inputs")

    @property
    def inputs(self) -> dict[str, ColumnType]:
        """Its context as expressions name it; a category is a text."""
        return {
            f"inputs.{name}": type_ if type_ in ("number", "boolean") else "text"
            for name, type_ in self.context.items()
        }


class SignalSpec(Declared, frozen=True, kw_only=True):
    """One thing that can come back.

    `scores = "any"` says that it is known whatever was shown (what a person finally wrote, a label), so
    that it can score answers that nobody saw; `served` that it is about the answer that was shown.

    Attributes:
        take: which of several values of one subject counts, see `ingest.joining`.
        within: it counts only so long after the decision, whatever the horizon is.
        of: reads the rows of another signal, so that one signal can count in several ways.
        credit: which decisions of a session a signal about that session is credited to.
        sql: nobody sends it; it is what this SELECT over `moments` yields, see `spec.moments`.
        traffic: nobody sends it; it is what the calls of a conversation say, see `spec.traffic`.
        wait: of what follows an answer, so long after it that still belongs to it.
    """

    type: ColumnType
    about: Literal["decision", "session", "user"] = "decision"
    scores: Literal["served", "any"] = "served"
    take: Literal["last", "first", "any", "mean", "votes"] = "last"
    within: Duration | None = None
    of: str = ""
    credit: Literal["every", "first", "last", "split"] = "every"
    sql: str = ""
    traffic: Traffic | None = None
    wait: Duration | None = None

    @property
    def implicit(self) -> bool:
        """Whether nobody sends it: it is found in what people did."""
        return bool(self.sql or self.traffic)


class ResponseSpec(Declared, frozen=True, kw_only=True):
    """How likely it is that a true one is heard of, where many who could say so are silent.

    Each that is heard then stands for those that are not: it counts 1/heard, and silence is 0. The mean of
    what is linear in it is unbiased, whatever becomes of the false ones (Horvitz and Thompson 1952).
    """

    heard: Chance


Silence = bool | float | str | ResponseSpec


class MeasureSpec(Declared, frozen=True, kw_only=True):
    """What is evaluated for a decision.

    Attributes:
        value: an expression.
        horizon: how long after the decision signals count; then the value is final.
        silent: what a signal that did not come by then means.
    """

    value: str
    horizon: Duration = Duration(86400.0)
    silent: dict[str, Silence] = {}


class RewardSpec(MeasureSpec, frozen=True, kw_only=True):
    """What a decision was worth."""

    range: tuple[float, float] = (0.0, 1.0)
    scores: Literal["served", "any"] = "served"


class GuardrailSpec(MeasureSpec, frozen=True, kw_only=True):
    """A measure that can veto: it may not get worse by more than `margin`.

    With a `range`, into which its values are clipped where candidates are compared, the tests are exact;
    without one they hold for large numbers.
    """

    range: tuple[float, float] | None = None
    margin: NotNegative = 0.0
    better: Literal["lower", "higher"] = "lower"


class OutcomeSpec(MeasureSpec, frozen=True, kw_only=True):
    """What the business wants; rewards are checked against it."""

    horizon: Duration = Duration(30 * 86400.0)


class TrackSpec(Declared, frozen=True, kw_only=True):
    """A way of making better candidates; `every` counts finished interactions between two proposals."""

    kind: str
    task: str
    every: Count = 200
    budget: BudgetSpec = BudgetSpec()
    parameters: dict[str, Any] = {}

    @property
    def signals(self) -> tuple[str, ...]:
        """The texts from which it lets models learn."""
        named = self.parameters.get("signals", ())
        return tuple(map(str, named)) if isinstance(named, list | tuple) else ()


class GateSpec(Declared, frozen=True, kw_only=True):
    """What a candidate must pass before anybody meets it."""

    alpha: Share = 0.05
    fold: Share = 0.2
    liars: ShareOrNone = 0.0
    minimum: Count = 30
    margin: NotNegative = 0.0
    waiver: Duration = Duration(90 * 86400.0)
    audit: Share = 0.01

    def fold_of(self, cluster: str, salt: str) -> Fold:
        """Whose evidence a cluster is, for good: the gate's, which no track may see, or the tracks'."""
        return "gate" if draw(salt, "fold", cluster) < self.fold else "tracks"


class LadderSpec(Declared, frozen=True, kw_only=True):
    """The stages on which people meet it. `margin` is how much worse than its control counts as harm.

    Attributes:
        floor: at least so long a stage.
        patience: at most so long a stage; what has not come further by then is refused.
        watch: the share that stays with what was replaced, beside what replaced it.
    """

    steps: tuple[Step, ...] = (0.01, 0.1, 0.25, 0.5, 1.0)
    floor: Duration = Duration(86400.0)
    patience: Duration = Duration(28 * 86400.0)
    minimum: Count = 30
    watch: ShareOrNone = 0.02
    holdback: ShareOrNone = 0.02
    explore: ShareOrNone = 0.05
    margin: NotNegative = 0.0


class ExperimentSpec(Declared, frozen=True, kw_only=True):
    """A comparison that a person starts, on a share of the people, in equal parts among its arms.

    Attributes:
        arms: by name, what answers: a policy, a release, a variant or an action, or `main`, which is what
            serves when it starts. The others are compared with the first.
        metric: name of a measure of the task; its reward if left out.
        guardrails: those of the task if left out.
        margin: how much worse, in the metric, is no worse yet.
        planned: units at which intervals that hold for large numbers are narrowest; no more than a plan.
        alpha: chance that it finds a difference where there is none, or is ended by harm where there is none.
        stops: whether harm, or arms of the wrong size, end it.
    """

    task: str
    arms: dict[str, str | PolicyDocument]
    share: Share = 0.2
    metric: str = ""
    guardrails: tuple[str, ...] | None = None
    margin: NotNegative = 0.0
    planned: Count = 2000
    alpha: Share = 0.05
    stops: bool = True


class Declaration(Declared, frozen=True, kw_only=True):
    """All that a file can say."""

    product: ProductSpec
    models: dict[str, ModelSpec] = {}
    tasks: dict[str, TaskSpec] = {}
    keys: dict[str, KeySpec] = {}
    signals: dict[str, SignalSpec] = {}
    rewards: dict[str, RewardSpec] = {}
    guardrails: dict[str, GuardrailSpec] = {}
    outcomes: dict[str, OutcomeSpec] = {}
    tracks: dict[str, TrackSpec] = {}
    sets: dict[str, SetSpec] = {}
    gate: GateSpec = GateSpec()
    ladder: LadderSpec = LadderSpec()
    experiments: dict[str, ExperimentSpec] = {}
    privacy: PrivacySpec = PrivacySpec()
    retention: RetentionSpec = RetentionSpec()
    run: RunSpec = RunSpec()
    season: SeasonSpec = SeasonSpec()

    @property
    def retention_classes(self) -> frozenset[str]:
        """The classes that a row may be of: those declared, and the standard one."""
        return frozenset({Terms().retention, *self.retention.classes})

    @property
    def columns(self) -> dict[str, ColumnType]:
        """What expressions may name: the columns of every answer, `inputs.NAME` of the tasks, and signals."""
        signals = {name: signal.type for name, signal in self.signals.items()}
        return ANSWER_COLUMNS | self.inputs | signals

    @property
    def inputs(self) -> dict[str, ColumnType]:
        """The inputs of the tasks as expressions name them; where types differ, that of the first task."""
        found: dict[str, ColumnType] = {}
        for task in self.tasks.values():
            for name, type_ in task.inputs.items():
                found.setdefault(name, type_)
        return found

    @property
    def measures(self) -> dict[str, MeasureSpec]:
        """Rewards, guardrails and outcomes, by their names."""
        return {**self.rewards, **self.guardrails, **self.outcomes}

    @property
    def learns_from(self) -> tuple[str, ...]:
        """The text signals that tracks let models learn from."""
        return tuple(sorted({name for track in self.tracks.values() for name in track.signals}))

    def expression(self, text: str) -> Expression:
        """Compile an expression over the answer's columns, the inputs, the declared signals and measures."""
        measures = {name: measure.value for name, measure in self.measures.items()}
        return compile_expression(text, self.columns, measures)


class Spec(Declaration, frozen=True, kw_only=True, dict=True):
    """A declaration that was read and checked, with where it came from and the files that it names."""

    source: str = "autotroph.toml"
    files: dict[str, str] = {}

    @cached_property
    def digest(self) -> str:
        """The hash of what it means: comments, order and spelled-out defaults do not change it."""
        meaning = msgspec.to_builtins(self, enc_hook=float)
        del meaning["source"]
        return digest("declaration", canonical(meaning))

    @cached_property
    def sites(self) -> Mapping[str, str]:
        """The task that the calls of a call site are of, by the site's name; see `ingest.sites`."""
        return {site: name for name, task in self.tasks.items() if MARK not in name for site in task.sites}

    def file(self, name: str) -> str:
        """The text of a file that it names; SpecError where only the declaration itself was read."""
        if name not in self.files:
            raise SpecError(f"{self.source}: {name} was not read; open the product, or load the file")
        return self.files[name]

    def task(self, name: str) -> TaskSpec:
        """A declared task, or UnknownName with the known ones."""
        if name not in self.tasks:
            raise UnknownName("task", name, self.tasks)
        return self.tasks[name]

    def outside(self, task: str) -> bool:
        """Whether anybody outside this process answers for a task."""
        variants = self.task(task).variants.values()
        elsewhere = {name for name, model in self.models.items() if model.kind != "local"}
        return any(one.cascade or one.model in elsewhere for one in variants)

    def place(self, model: str) -> Upstream | None:
        """Where a model answers; None of one that answers in this process, or of what is no model."""
        found = self.models.get(model)
        if found is None or found.kind == "local":
            return None
        return Upstream(kind=found.kind, base_url=found.base_url, model=found.model)

    def paired(self, task: str) -> bool:
        """Whether releases of a task are compared on the same decisions.

        Its reward has to score answers that nobody saw, and these must not have to be bought outside.
        """
        return self.reward_of(task)[1].scores == "any" and not self.outside(task)

    def reward_of(self, task: str) -> tuple[str, RewardSpec]:
        """The name and the declaration of a task's reward; SpecError where it has none."""
        name = self.task(task).reward
        if not name:
            raise SpecError(
                f'{self.source}: tasks.{task}: declares no reward; add reward = "…" to learn from it'
            )
        return name, self.rewards[name]
