"""A declaration out of what calls show: a task a call site, its model, and a reward of free signals."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from autotroph.deploy.board import Board
from autotroph.errors import InputError
from autotroph.ingest.sites import MASK, Template
from autotroph.ingest.traffic.wording import sense
from autotroph.plan.ahead import ASSUMED, asked_by
from autotroph.plan.forecasting import Forecast, Reward, forecast
from autotroph.plan.surveying import SEEN, Survey, Surveyed
from autotroph.plan.traffic import DAY
from autotroph.spec import ModelSpec, ProductSpec, Spec, parse
from autotroph.spec.traffic import WAITS, Traffic
from autotroph.spec.upstreams import CallSpec

SIGNALS: Mapping[Traffic, str] = {
    "regenerate": "regenerated",
    "rephrase": "rephrased",
    "edit": "edited",
    "schema error": "misformed",
    "tool error": "mistooled",
    "refusal": "refused",
    "truncation": "cut_off",
    "abandonment": "left",
}
"""What a signal is called in a declaration that is proposed."""

WORDS = 3
"""Words of a prompt that a task is called by."""

SHOWN = 14
"""Words of a prompt that a comment shows."""

ENOUGH = 0.95
"""Share of the runs that get there, below which a comment says so."""

ELSEWHERE = ModelSpec(kind="openai", base_url="http://127.0.0.1:8000/v1", calls=CallSpec(private=True))
"""Who answers, if nobody says."""

UPSTREAM = "upstream"
"""What it is called whose answers are passed on."""

_COMMON = frozenset(
    {
        *("ai", "answer", "answers", "assistant", "based", "below", "brief", "chatbot", "concise", "expert"),
        *(
            "following",
            "given",
            "helpful",
            "helps",
            "instructions",
            "kind",
            "language",
            "model",
            "only",
            "prompt",
        ),
        *("reply", "respond", "role", "system", "task", "text", "today", "user", "users", "very", "written"),
    }
)
"""What prompts say of themselves, whatever they are for."""

_UNREWARDED = '# reward = "solved_it"                   # a first one is in the comments at the end\n'

_EXAMPLE = """\
# A reward to begin with: uncomment it, and `reward` in its task. The product sends the signal when it knows,
# with the id of the answer:  POST /v1/signals  {"subject": ID, "name": "solved", "value": true}
#
# [signals.solved]
# type = "boolean"                         # also "number" and "text"
#
# [rewards.solved_it]
# value = "solved - 5 * cost_usd"          # also latency_ms, tokens_in, tokens_out, chars
# range = [-1.0, 1.0]
# horizon = "24h"                          # final when so much time has passed
# silent = { solved = false }              # what no signal by then means
"""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_UNNAMED = re.compile(r"[^a-z0-9]+")
_UNKEYED = re.compile(r"[^A-Za-z0-9_.-]+")


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """A task that is proposed.

    Attributes:
        name: of the task; `model`: its one variant, declared as `variant`.
        reward: empty where no signal is true often enough.
        prompt: the beginning of what the calls are asked with, as a template.
        headroom: how much better than its baseline it could be.
        days: until a candidate that is better by `effect` serves everybody, in half of the runs of a
            forecast at this traffic, `late` in nine of ten; None where that is too long to say.
        climbs: in which share of the runs it gets there before any stage's patience ends.
    """

    name: str
    model: str
    variant: str
    reward: str
    prompt: str
    surveyed: Surveyed
    headroom: float | None = None
    effect: float | None = None
    days: float | None = None
    late: float | None = None
    climbs: float | None = None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A declaration that is proposed.

    Attributes:
        text: of the file.
    """

    text: str
    tasks: tuple[Drafted, ...]
    survey: Survey


def draft(survey: Survey, product: ProductSpec, upstream: ModelSpec | None = None) -> Draft:
    """The declaration that what was seen proposes.

    Args:
        survey: what the calls show.
        product: its name, and where its ledger is.
        upstream: who has answered up to now; None where nobody says.

    Raises:
        InputError: there are no calls, or of no call site enough.
    """
    if not survey.calls:
        raise InputError(
            "no calls that ask for a model, and may be learned from, are in the ledger; point a client at"
            " `autotroph serve --upstream URL`, and try again when it was used"
        )
    if not survey.tasks:
        told = "of no call site there are enough to propose a task"
        raise InputError(f"{survey.calls:,} calls are in the ledger, but {told}; try again later")
    head = _head(product, upstream)
    spec = parse(head, "the proposed declaration")
    models = list(dict.fromkeys(next(iter(one.models)) for one in survey.tasks))
    variants = dict(zip(models, _distinct(map(_plain, models), UPSTREAM), strict=True))
    names = _distinct(name_of(one.template) for one in survey.tasks)
    tasks = tuple(_drafted(one, task, variants, spec) for task, one in zip(names, survey.tasks, strict=True))
    parts = [head, *_models(tasks, upstream), *map(_task, tasks), *_measures(tasks), *_example(tasks)]
    text = "\n".join(parts)
    parse(text, "the proposed declaration")
    return Draft(text=text, tasks=tasks, survey=survey)


def _distinct(wanted: Iterable[str], *others: str) -> Iterator[str]:
    """The same names, with a number where one was there before, or is one of the others."""
    taken = set(others)
    for one in wanted:
        name, number = one, 2
        while name in taken:
            name, number = f"{one}-{number}", number + 1
        taken.add(name)
        yield name


def name_of(template: Template) -> str:
    """What a task could be called, by what its prompt says first, or by its schema or tools.

    >>> name_of(Template("/chat/completions", tuple("you are a support bot for acme today is *".split())))
    'support-bot-acme'
    """
    words = [word for word in sense(" ".join(template.words)) if word not in _COMMON]
    named = words[:WORDS] or list(template.schema[1:2]) or list(template.tools[:1])
    return _UNNAMED.sub("-", "-".join(named).lower()).strip("-")[:60] or "chat"


def _drafted(one: Surveyed, name: str, variants: Mapping[str, str], spec: Spec) -> Drafted:
    prompt, model = " ".join(one.template.words[:SHOWN]), next(iter(one.models))
    found = Drafted(
        name=name, model=model, variant=variants[model], reward="", prompt=prompt, surveyed=one
    )  # fmt: skip
    if one.baseline is None:
        return found
    mean = one.baseline.mean
    effect = min(ASSUMED * mean, (1.0 - mean) / 2.0)
    reward = f"{name.replace('-', '_')}_went_well"
    found = msgspec.structs.replace(found, reward=reward, headroom=1.0 - mean)
    if not effect or one.units < spec.ladder.minimum:
        return found
    ahead = _ahead(one, mean, effect, spec)
    return msgspec.structs.replace(
        found, effect=effect, days=ahead.days, late=ahead.late, climbs=ahead.climbs
    )


def _ahead(one: Surveyed, mean: float, effect: float, spec: Spec) -> Forecast:
    reward = Reward(mean=mean, variance=one.variance, width=1.0)
    terms = asked_by(spec, _horizon(_chosen(one)) / DAY, Board("", spec.gate.alpha).grant())
    return forecast("split", one.flow, reward, effect, terms)


def _chosen(one: Surveyed) -> list[Traffic]:
    """The signals of its reward, in the order of the table."""
    return [kind for kind in SIGNALS if one.signals.get(kind, 0) >= SEEN]


def _horizon(kinds: Iterable[Traffic]) -> float:
    """Whole hours in which all of them come to be known."""
    return max((WAITS[kind] // 3600.0 + 1.0) * 3600.0 for kind in kinds)


# the text --------------------------------------------------------------------------------------------


def _head(product: ProductSpec, upstream: ModelSpec | None) -> str:
    was = f"was = {_text(product.was)}\n" if product.was else ""
    return f"""\
# Proposed by `autotroph init --from-traffic`, out of the calls in the ledger. `autotroph plan` checks it.
# Every key is described in docs/reference/autotroph-toml.md.

[product]
name = {_text(product.name)}
{was}store = {_text(product.store)}
upstream = {_text(UPSTREAM)}                      # what is of no task goes on to there, as before

[models.{UPSTREAM}]
{_answers(upstream)}"""


def _models(tasks: Iterable[Drafted], upstream: ModelSpec | None) -> Iterator[str]:
    for variant, model in {one.variant: one.model for one in tasks}.items():
        yield f"""\
[models.{_key(variant)}]
{_answers(upstream, model)}\
# price = {{ input = 0.0, output = 0.0 }}    # USD per million tokens, so that costs are known
"""


def _answers(upstream: ModelSpec | None, model: str = "") -> str:
    """Where a model answers, by which key, and what it is called there."""
    known = upstream or ELSEWHERE
    where = "" if upstream else "   # not in the ledger: write where it answers"
    named = f"model = {_text(model)}\n" if model else ""
    private = "calls = { private = true }\n" if known.calls.private else ""
    key = '# api_key = "env:UPSTREAM_API_KEY"         # a reference, never the key itself'
    if known.api_key:
        key = f"api_key = {_text(known.api_key)}"
    return f"""\
kind = {_text(known.kind)}
base_url = {_text(known.base_url)}{where}
{named}{private}{key}
"""


def _task(one: Drafted) -> str:
    sites = "".join(f"  {_text(site)},\n" for site in one.surveyed.sites)
    reward = f"reward = {_text(one.reward)}\n" if one.reward else _UNREWARDED
    return f"""\
{"".join(f"# {line}{chr(10)}" for line in _remarks(one))}[tasks.{_key(one.name)}]
kind = "chat"
unit = {_text(one.surveyed.unit)}
{reward}sites = [                                  # their calls are calls of this task
{sites}]

[tasks.{_key(one.name)}.variants.{_key(one.variant)}]
model = {_text(one.variant)}
"""


def _remarks(one: Drafted) -> Iterator[str]:
    found = one.surveyed
    who = "people" if found.unit == "user" else "conversations"
    prompt = one.prompt.replace(MASK, "…") or "no system prompt"
    yield f"{found.calls:,} calls of {found.units:,} {who}: {prompt}"
    others = ", ".join(f"{model} ({count:,})" for model, count in list(found.models.items())[1:6])
    if others:
        yield f"also asked for: {others}; whatever a call of these sites names, the variants below answer"
    counts = ", ".join(f"{SIGNALS[kind]} {count:,}" for kind, count in found.signals.items())
    yield f"coverage: {found.covered:.1%} of the answers have a signal" + (f" ({counts})" if counts else "")
    if found.baseline is None:
        yield "no signal is true often enough for a reward: send one, as the end of this file shows"
        return
    mean, low, high = found.baseline.mean, found.baseline.low, found.baseline.high
    yield f"baseline: {mean:.3f} of 1, between {low:.3f} and {high:.3f}; headroom {1 - mean:.3f}"
    yield _proof(one)
    if one.climbs is not None and one.climbs < ENOUGH:
        told = "a stage's patience ends before: gather more, or give [ladder] patience more time"
        yield f"in {1 - one.climbs:.0%} of such cases {told}"


def _proof(one: Drafted) -> str:
    flow = one.surveyed.flow
    if one.effect is None:
        return "days to a first proof: cannot be foretold yet"
    traffic = f"at {flow.units:,.3g} units a day, if something is better by {one.effect:.3f}"
    if one.days is None:
        return f"days to a first proof: more than two years, {traffic}"
    late = "more than two years" if one.late is None else f"{one.late:,.0f}"
    return f"days to a first proof: {max(one.days, 1.0):,.0f}, in nine of ten {late}, {traffic}"


def _measures(tasks: Iterable[Drafted]) -> Iterator[str]:
    rewarded = [one for one in tasks if one.reward]
    kinds = [kind for kind in SIGNALS if any(kind in _chosen(one.surveyed) for one in rewarded)]
    if not kinds:
        return
    lines = (f'{SIGNALS[kind]} = {{ type = "boolean", traffic = "{kind}" }}' for kind in kinds)
    told = "# nobody sends them: they are found in the calls"
    yield f"[signals]                                  {told}\n" + "".join(f"{line}\n" for line in lines)
    for one in rewarded:
        chosen = _chosen(one.surveyed)
        names = [SIGNALS[kind] for kind in chosen]
        silent = ", ".join(f"{name} = false" for name in names)
        yield f"""\
[rewards.{_key(one.reward)}]
value = "1 - ({" OR ".join(names)})"
horizon = "{_horizon(chosen) / 3600.0:g}h"
silent = {{ {silent} }}
"""


def _example(tasks: Iterable[Drafted]) -> Iterator[str]:
    """How a task without a reward comes to one, in comments: what is good only its owner knows."""
    if not all(one.reward for one in tasks):
        yield _EXAMPLE


def _plain(name: str) -> str:
    """A model's name as a name of the declaration."""
    found = _UNKEYED.sub("-", name).strip("-.")[:100]
    return found or "model"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
