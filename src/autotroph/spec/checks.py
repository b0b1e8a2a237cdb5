"""Does a declaration hold together? Names must exist, expressions compile, numbers fit."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise

from autotroph.errors import SpecError
from autotroph.spec.declaration import (
    Declaration,
    ExperimentSpec,
    GuardrailSpec,
    LadderSpec,
    MeasureSpec,
    ModelSpec,
    ResponseSpec,
    RewardSpec,
    Silence,
    TaskSpec,
    TrackSpec,
    VariantSpec,
)
from autotroph.spec.expressions import ANSWER_COLUMNS, compile_expression
from autotroph.spec.files import file_faults
from autotroph.spec.lines import Path
from autotroph.spec.paying import paying_faults
from autotroph.spec.policies import Longest, PolicyDocument, Threshold
from autotroph.spec.quiet import span, zone_fault
from autotroph.spec.sets import set_faults
from autotroph.spec.shape import Fault, describe, known_faults, show
from autotroph.spec.signals import signal_faults
from autotroph.spec.traffic import site_faults
from autotroph.spec.tree import ColumnType
from autotroph.spec.upstreams import base_fault
from autotroph.spec.whole import RunSpec
from autotroph.wire.secret import is_reference

_CREDENTIALS = re.compile(r"//[^/@]*:[^/@]*@")
_TYPES: dict[str, tuple[type, ...]] = {"boolean": (bool,), "number": (float, int), "text": (str,)}
_OF_THE_CALL = ("input", "messages", "model", "stream")
"""What no variant can say for its calls."""

ACCEPT_COLUMNS: dict[str, ColumnType] = {
    "confidence": "number",
    **{name: type_ for name, type_ in ANSWER_COLUMNS.items() if name != "p"},
}


def check_faults(spec: Declaration, tracks: Collection[str] | None) -> Iterator[Fault]:
    """Every fault of a declaration whose shape is right."""
    yield from _product(spec)
    for name, model in spec.models.items():
        yield from _model(model, ("models", name))
    for name, task in spec.tasks.items():
        yield from _task(spec, task, ("tasks", name))
    yield from signal_faults(spec)
    yield from site_faults(spec)
    yield from _measures(spec)
    for name, track in spec.tracks.items():
        yield from _track(spec, track, ("tracks", name), tracks)
    for name, declared in spec.sets.items():
        yield from set_faults(spec, declared, ("sets", name))
    yield from _ladder(spec.ladder)
    for name, experiment in spec.experiments.items():
        yield from experiment_faults(spec, experiment, ("experiments", name))
    yield from _privacy(spec)
    yield from _retention(spec)
    yield from _run(spec.run)
    yield from paying_faults(spec)
    yield from file_faults(spec)


def _product(spec: Declaration) -> Iterator[Fault]:
    path = ("product", "store")
    if not spec.product.name.strip():
        yield Fault(("product", "name"), "empty; what is the product called?")
    if spec.product.upstream:
        yield from known_faults("model", spec.product.upstream, spec.models, ("product", "upstream"))
    store = spec.product.store
    if _CREDENTIALS.search(store):
        yield Fault(path, 'holds a password; write "env:AUTOTROPH_DATABASE_URL" and set that variable')
    elif "://" not in store and not is_reference(store):
        yield Fault(path, 'expected "sqlite:///a/path.db", "postgresql://…" or "env:NAME"')


def _model(model: ModelSpec, path: Path) -> Iterator[Fault]:
    if model.kind == "openai" and not model.base_url:
        yield Fault((*path, "base_url"), 'missing; where it answers, such as "http://127.0.0.1:8000/v1"')
    if model.base_url and (wrong := base_fault(model.base_url)):
        yield Fault((*path, "base_url"), wrong)
    if model.api_key and not is_reference(model.api_key):
        yield Fault(
            (*path, "api_key"),
            'secrets only by reference: write "env:NAME" or "file:PATH"; if this was the key, replace it',
        )


def _task(spec: Declaration, task: TaskSpec, path: Path) -> Iterator[Fault]:
    if task.reward:
        yield from known_faults("reward", task.reward, spec.rewards, (*path, "reward"))
        yield from _reads(spec, task, task.reward, (*path, "reward"))
    for guardrail in task.guardrails:
        yield from known_faults("guardrail", guardrail, spec.guardrails, (*path, "guardrails"))
        yield from _reads(spec, task, guardrail, (*path, "guardrails"))
        yield from _guardrail(spec, guardrail, path)
    for segment in task.segments:
        yield from known_faults("name in its context", segment, task.context, (*path, "segments"))
    yield from _actions(task, path)
    for name, variant in task.variants.items():
        yield from _variant(spec, task, variant, (*path, "variants", name))
    yield from _policy(task, task.policy, (*path, "policy"))
    for name, baseline in task.baselines.items():
        yield from _policy(task, baseline, (*path, "baselines", name))


def _guardrail(spec: Declaration, name: str, path: Path) -> Iterator[Fault]:
    """That something has not got worse at all can never be proven; that it has by less than a margin can."""
    if name in spec.guardrails and not spec.guardrails[name].margin:
        told = f"{'.'.join(path)} is guarded by it, so say how much worse, in its own unit, is no worse yet"
        yield Fault(("guardrails", name, "margin"), f"missing; {told}: a number above 0")


def _reads(spec: Declaration, task: TaskSpec, measure: str, path: Path) -> Iterator[Fault]:
    """What a measure reads of the inputs, the task must have."""
    if measure not in spec.measures:
        return
    with suppress(SpecError):  # said where the measure is declared
        for name in sorted(spec.expression(spec.measures[measure].value).names & spec.inputs.keys()):
            mine = task.inputs.get(name)
            if mine != spec.inputs[name]:
                has = f"has it as a {mine}" if mine else "has not got it"
                yield Fault(
                    path, f"{measure} reads {name}, a {spec.inputs[name]}; this task {has} in its context"
                )


def _actions(task: TaskSpec, path: Path) -> Iterator[Fault]:
    if task.actions and task.kind != "choice":
        yield Fault(
            (*path, "actions"), f'only a task of kind "choice" has actions; this one is "{task.kind}"'
        )
    if task.variants and task.kind == "choice":
        yield Fault(
            (*path, "variants"), 'a task of kind "choice" has actions; variants are for chat and text'
        )
    if len(set(task.actions)) < len(task.actions) or "" in task.actions:
        yield Fault((*path, "actions"), "each action once, and none of them empty")


def _variant(spec: Declaration, task: TaskSpec, variant: VariantSpec, path: Path) -> Iterator[Fault]:
    if bool(variant.model) == bool(variant.cascade):
        yield Fault(path, 'either model = "…" or cascade = ["…", "…"]')
    if variant.model:
        yield from known_faults("model", variant.model, spec.models, (*path, "model"))
    single = [name for name, other in task.variants.items() if not other.cascade]
    for key in ("cascade", "fallback"):
        for name in getattr(variant, key):
            yield from known_faults("model or variant", name, {*spec.models, *single}, (*path, key))
    if path[-1] in variant.fallback:
        yield Fault((*path, "fallback"), "it has failed already where this is asked; name others")
    yield from _parameters(spec, variant, (*path, "parameters"))
    yield from _cascade(variant, path)
    if variant.accept:
        yield from _accept(variant, (*path, "accept"))


def _parameters(spec: Declaration, variant: VariantSpec, path: Path) -> Iterator[Fault]:
    if variant.parameters and variant.cascade:
        yield Fault(path, "a cascade asks its variants with theirs; give the parameters to them")
    model = spec.models.get(variant.model)
    if model is not None and model.kind != "local":
        for name in sorted(variant.parameters.keys() & set(_OF_THE_CALL)):
            yield Fault((*path, name), "no parameter: the call says it, or the variant's model and prompt")


def _cascade(variant: VariantSpec, path: Path) -> Iterator[Fault]:
    if len(variant.cascade) == 1:
        told = 'asks two or more, one after the other; for one, model = "…", and fallback = ["…"] beside it'
        yield Fault((*path, "cascade"), told)
    elif variant.cascade and not variant.accept:
        yield Fault(path, 'a cascade stops where its answer is good enough: add accept = "…"')


def _accept(variant: VariantSpec, path: Path) -> Iterator[Fault]:
    if not variant.cascade:
        yield Fault(path, "only a cascade accepts; this variant has one model")
    try:
        compile_expression(variant.accept, ACCEPT_COLUMNS)
    except SpecError as error:
        yield Fault(path, str(error))


def _policy(task: TaskSpec, policy: PolicyDocument, path: Path) -> Iterator[Fault]:
    """A policy may name only what the task offers; where candidates come with the call, any name will do."""
    if isinstance(policy, Longest | Threshold):
        noun, known = ("action", task.actions) if task.kind == "choice" else ("variant", tuple(task.variants))
        if known:
            yield from known_faults(noun, policy.variant, known, (*path, "variant"))


def _measures(spec: Declaration) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for table, measures in _tables(spec).items():
        for name, measure in measures.items():
            path = (table, name)
            if name in seen:
                yield Fault(path, f"{seen[name]} has one of this name; each measure has a name of its own")
            seen.setdefault(name, table)
            yield from _measure(spec, measure, path)


def _tables(spec: Declaration) -> dict[str, Mapping[str, MeasureSpec]]:
    return {"rewards": spec.rewards, "guardrails": spec.guardrails, "outcomes": spec.outcomes}


def _measure(spec: Declaration, measure: MeasureSpec, path: Path) -> Iterator[Fault]:
    for name, value in measure.silent.items():
        yield from _silent(spec, name, value, (*path, "silent", name))
    try:
        names = spec.expression(measure.value).names & spec.signals.keys()
    except SpecError as error:
        yield Fault((*path, "value"), str(error))
        return
    if names and not measure.horizon:
        yield Fault((*path, "horizon"), "no signal can come within a horizon of 0; write how long to wait")
    if isinstance(measure, RewardSpec):
        yield from _reward(spec, measure, names, path)
    if (
        isinstance(measure, RewardSpec | GuardrailSpec)
        and measure.range
        and measure.range[0] >= measure.range[1]
    ):
        yield Fault((*path, "range"), f"expected the lower bound first, found {list(measure.range)}")


def _silent(spec: Declaration, name: str, value: Silence, path: Path) -> Iterator[Fault]:
    yield from known_faults("signal", name, spec.signals, path)
    if name not in spec.signals or value == "unknown":
        return
    type_ = spec.signals[name].type
    if isinstance(value, ResponseSpec):
        if type_ != "boolean":
            yield Fault(path, f"who answers is modelled for booleans; {name} is a {type_}")
    elif type(value) not in _TYPES[type_]:
        yield Fault(path, f'expected "unknown" or {describe(_TYPES[type_][0])}, found {show(value)}')


def _reward(spec: Declaration, reward: RewardSpec, names: Collection[str], path: Path) -> Iterator[Fault]:
    for name in sorted(names):
        if reward.scores == "any" and spec.signals[name].scores != "any":
            yield Fault(
                (*path, "scores"),
                f"{name} is about the answer that was served, so this reward cannot score any other; "
                f'write scores = "served" here, or scores = "any" in signals.{name} if it is known '
                "whatever was shown",
            )


def _track(
    spec: Declaration, track: TrackSpec, path: Path, tracks: Collection[str] | None
) -> Iterator[Fault]:
    if tracks is not None:
        yield from known_faults("track", track.kind, tracks, (*path, "kind"))
    yield from known_faults("task", track.task, spec.tasks, (*path, "task"))
    if track.task in spec.tasks and not spec.tasks[track.task].reward:
        yield Fault(
            (*path, "task"), f"tasks.{track.task} has no reward, so there is nothing to get better at"
        )
    texts = [name for name, signal in spec.signals.items() if signal.type == "text"]
    for name in track.signals:
        yield from known_faults("text signal", name, texts, (*path, "parameters", "signals"))


def _ladder(ladder: LadderSpec) -> Iterator[Fault]:
    path = ("ladder", "steps")
    if ladder.patience <= ladder.floor:
        yield Fault(("ladder", "patience"), "a stage may last longer than it has to; more than its floor")
    if not ladder.steps or ladder.steps[-1] != 1.0:
        yield Fault(path, "the last step is 1.0: everybody")
    elif len(ladder.steps) == 1:
        yield Fault(path, "a share below 1.0 comes first: what everybody meets at once has no control")
    if any(before >= after for before, after in pairwise(ladder.steps)):
        yield Fault(path, f"expected ascending shares, found {list(ladder.steps)}")


def experiment_faults(spec: Declaration, experiment: ExperimentSpec, path: Path) -> Iterator[Fault]:
    """Every fault of an experiment; whether there is a release that an arm names is seen when it starts."""
    yield from known_faults("task", experiment.task, spec.tasks, (*path, "task"))
    if experiment.task not in spec.tasks:
        return
    task = spec.tasks[experiment.task]
    if not task.reward:
        yield Fault((*path, "task"), f"tasks.{experiment.task} has no reward, so nothing of it is valued")
    if len(experiment.arms) < 2:
        yield Fault((*path, "arms"), "two arms or more: what is compared, and with what")
    if experiment.metric:
        known = [task.reward, *task.guardrails, *spec.outcomes]
        yield from known_faults("measure of the task", experiment.metric, known, (*path, "metric"))
    for guardrail in experiment.guardrails or ():
        yield from known_faults("guardrail of the task", guardrail, task.guardrails, (*path, "guardrails"))
    for name, arm in experiment.arms.items():
        if not isinstance(arm, str):
            yield from _policy(task, arm, (*path, "arms", name))


def _privacy(spec: Declaration) -> Iterator[Fault]:
    path = ("privacy",)
    yield from known_faults(
        "retention class", spec.privacy.retention, spec.retention_classes, (*path, "retention")
    )
    if "" in spec.privacy.purposes:
        yield Fault((*path, "purposes"), "a purpose has a name; write [] where nothing was agreed to")
    for name, pattern in spec.privacy.patterns.items():
        yield from _pattern(pattern, (*path, "patterns", name))


def _pattern(pattern: str, path: Path) -> Iterator[Fault]:
    import re2  # type: ignore[import-untyped] # when used: few products have patterns of their own

    quiet = re2.Options()
    quiet.log_errors = False
    try:
        empty = re2.compile(pattern, quiet).search("")
    except re2.error as error:
        why = error.args[0] if error.args else error
        yield Fault(path, f"not a regular expression of RE2, which has no lookaround: {_said(why)}")
    else:
        if empty:
            yield Fault(path, "fits an empty text, so it would black out everything")


def _said(why: object) -> str:
    return why.decode(errors="replace") if isinstance(why, bytes) else str(why)


def _retention(spec: Declaration) -> Iterator[Fault]:
    """What a row is worth is known only when its horizon has passed; nothing may go before."""
    longest = max((float(measure.horizon) for measure in spec.measures.values()), default=0.0)
    for name, kept in spec.retention.classes.items():
        if kept <= longest:
            path = ("retention", "classes", name)
            yield Fault(
                path, f"shorter than the longest horizon of a measure, {longest:g} s; keep rows longer"
            )


def _run(run: RunSpec) -> Iterator[Fault]:
    for name in ("every", "segments"):
        given = getattr(run, name)
        if given is not None and given < 1:
            yield Fault(("run", name), "at least 1s")
    if run.idle < run.every:
        yield Fault(("run", "idle"), f"at least as long as every, {run.every:g} s")
    for hours in run.quiet:
        try:
            span(hours)
        except ValueError as error:
            yield Fault(("run", "quiet"), f"{hours!r}: {error}")
    if fault := zone_fault(run.zone):
        yield Fault(("run", "zone"), fault)
