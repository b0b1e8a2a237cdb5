"""Does a declaration hold together? Names must exist, expressions compile, numbers fit."""

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise

from autotroph.errors import SpecError, UnknownName
from autotroph.spec.declaration import (
    Declaration,
    LadderSpec,
    ModelSpec,
    RewardSpec,
    SignalSpec,
    TaskSpec,
    TrackSpec,
    VariantSpec,
)
from autotroph.spec.expressions import ANSWER_COLUMNS, compile_expression
from autotroph.spec.lines import Path
from autotroph.spec.policies import Longest, PolicyDocument, Threshold
from autotroph.spec.shape import Fault, describe, show
from autotroph.spec.tree import ColumnType

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_REFERENCE = re.compile(r"(env|file):.+")
_CREDENTIALS = re.compile(r"//[^/@]*:[^/@]*@")
_TYPES: dict[str, tuple[type, ...]] = {"boolean": (bool,), "number": (float, int), "text": (str,)}
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
    for name, signal in spec.signals.items():
        yield from _signal(name, signal)
    for name, reward in spec.rewards.items():
        yield from _reward(spec, reward, ("rewards", name))
    yield from _measures(spec)
    for name, track in spec.tracks.items():
        yield from _track(spec, track, ("tracks", name), tracks)
    yield from _ladder(spec.ladder)
    yield from _privacy(spec)
    yield from _retention(spec)


def _known(noun: str, name: str, known: Iterable[str], path: Path) -> Iterator[Fault]:
    choices = list(known)
    if name not in choices:
        yield Fault(path, str(UnknownName(noun, name, choices)))


def _compiles(spec: Declaration, text: str, path: Path) -> Iterator[Fault]:
    try:
        spec.expression(text)
    except SpecError as error:
        yield Fault(path, str(error))


def _product(spec: Declaration) -> Iterator[Fault]:
    path = ("product", "store")
    if not spec.product.name.strip():
        yield Fault(("product", "name"), "empty; what is the product called?")
    store = spec.product.store
    if _CREDENTIALS.search(store):
        yield Fault(path, 'holds a password; write "env:AUTOTROPH_DATABASE_URL" and set that variable')
    elif "://" not in store and not _REFERENCE.fullmatch(store):
        yield Fault(path, 'expected "sqlite:///a/path.db", "postgresql://…" or "env:NAME"')


def _model(model: ModelSpec, path: Path) -> Iterator[Fault]:
    if model.kind == "openai" and not model.base_url:
        yield Fault((*path, "base_url"), 'missing; where it answers, such as "http://127.0.0.1:8000/v1"')
    if _CREDENTIALS.search(model.base_url):
        yield Fault((*path, "base_url"), 'holds a password; use api_key = "env:NAME"')
    if model.api_key and not _REFERENCE.fullmatch(model.api_key):
        yield Fault(
            (*path, "api_key"),
            'secrets only by reference: write "env:NAME" or "file:PATH"; if this was the key, replace it',
        )


def _task(spec: Declaration, task: TaskSpec, path: Path) -> Iterator[Fault]:
    if task.reward:
        yield from _known("reward", task.reward, spec.rewards, (*path, "reward"))
    for guardrail in task.guardrails:
        yield from _known("guardrail", guardrail, spec.guardrails, (*path, "guardrails"))
    yield from _actions(task, path)
    for name, variant in task.variants.items():
        yield from _variant(spec, task, variant, (*path, "variants", name))
    yield from _policy(task, task.policy, (*path, "policy"))
    for name, baseline in task.baselines.items():
        yield from _policy(task, baseline, (*path, "baselines", name))


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
        yield from _known("model", variant.model, spec.models, (*path, "model"))
    single = [name for name, other in task.variants.items() if not other.cascade]
    for name in variant.cascade:
        yield from _known("model or variant", name, {*spec.models, *single}, (*path, "cascade"))
    if variant.accept:
        yield from _accept(variant, (*path, "accept"))


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
            yield from _known(noun, policy.variant, known, (*path, "variant"))


def _signal(name: str, signal: SignalSpec) -> Iterator[Fault]:
    path = ("signals", name)
    if not _IDENTIFIER.fullmatch(name):
        yield Fault(path, "expressions name signals, so letters, digits and _ only, a letter first")
    if name in ANSWER_COLUMNS:
        yield Fault(path, "the answer has a column of this name; call the signal something else")
    if signal.scores == "any" and signal.about == "user":
        yield Fault((*path, "scores"), 'a signal about a user cannot score single answers; "served" is left')


def _reward(spec: Declaration, reward: RewardSpec, path: Path) -> Iterator[Fault]:
    low, high = reward.range
    if low >= high:
        yield Fault((*path, "range"), f"expected the lower bound first, found [{low}, {high}]")
    for name, value in reward.silent.items():
        yield from _silent(spec, name, value, (*path, "silent", name))
    try:
        names = spec.expression(reward.value).names & spec.signals.keys()
    except SpecError as error:
        yield Fault((*path, "value"), str(error))
    else:
        yield from _reach(spec, reward, names, path)


def _silent(spec: Declaration, name: str, value: object, path: Path) -> Iterator[Fault]:
    yield from _known("signal", name, spec.signals, path)
    if name in spec.signals and value != "unknown":
        wanted = _TYPES[spec.signals[name].type]
        if type(value) not in wanted:
            yield Fault(path, f'expected "unknown" or {describe(wanted[0])}, found {show(value)}')


def _reach(spec: Declaration, reward: RewardSpec, names: Collection[str], path: Path) -> Iterator[Fault]:
    if names and not reward.horizon:
        yield Fault((*path, "horizon"), "no signal can come within a horizon of 0; write how long to wait")
    for name in sorted(names):
        if reward.scores == "any" and spec.signals[name].scores != "any":
            yield Fault(
                (*path, "scores"),
                f"{name} is about the answer that was served, so this reward cannot score any other; "
                f'write scores = "served" here, or scores = "any" in signals.{name} if it is known '
                "whatever was shown",
            )


def _measures(spec: Declaration) -> Iterator[Fault]:
    for name, guardrail in spec.guardrails.items():
        yield from _compiles(spec, guardrail.value, ("guardrails", name, "value"))
    for name, outcome in spec.outcomes.items():
        yield from _compiles(spec, outcome.value, ("outcomes", name, "value"))


def _track(
    spec: Declaration, track: TrackSpec, path: Path, tracks: Collection[str] | None
) -> Iterator[Fault]:
    if tracks is not None:
        yield from _known("track", track.kind, tracks, (*path, "kind"))
    yield from _known("task", track.task, spec.tasks, (*path, "task"))
    if track.task in spec.tasks and not spec.tasks[track.task].reward:
        yield Fault(
            (*path, "task"), f"tasks.{track.task} has no reward, so there is nothing to get better at"
        )


def _ladder(ladder: LadderSpec) -> Iterator[Fault]:
    path = ("ladder", "steps")
    if not ladder.steps or ladder.steps[-1] != 1.0:
        yield Fault(path, "the last step is 1.0: everybody")
    if any(before >= after for before, after in pairwise(ladder.steps)):
        yield Fault(path, f"expected ascending shares, found {list(ladder.steps)}")


def _privacy(spec: Declaration) -> Iterator[Fault]:
    path = ("privacy",)
    yield from _known("retention class", spec.privacy.retention, spec.retention_classes, (*path, "retention"))
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
    longest = max((float(reward.horizon) for reward in spec.rewards.values()), default=0.0)
    for name, kept in spec.retention.classes.items():
        if kept <= longest:
            path = ("retention", "classes", name)
            yield Fault(
                path, f"shorter than the longest horizon of a reward, {longest:g} s; keep rows longer"
            )
