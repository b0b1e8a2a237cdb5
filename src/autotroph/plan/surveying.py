"""What calls that ask for a model show: call sites that could be tasks, and how good their answers were.

Signals are found as they would be if they were declared, see `ingest.traffic`, so nothing has to be declared
before. What an answer was worth is then what a reward made of them would say: 1, or 0 where one of them is
true. Units are counted once, by the mean of their answers, as the ladder counts them.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import msgspec

from autotroph.ingest.finders import CALLS
from autotroph.ingest.grouping import Group, Seen, grouped
from autotroph.ingest.sites import Template, template_of_inputs
from autotroph.ingest.traffic.calls import Calls
from autotroph.ingest.traffic.finding import noted
from autotroph.plan.traffic import DAY, Flow
from autotroph.records import IMPROVE
from autotroph.spec.traffic import SITE, WAITS, Traffic
from autotroph.stats.confidence import Interval, mean_interval
from autotroph.store import Reader, SqlValue

NEWEST = 100_000
"""So many of the newest calls are looked at."""

SITES = 2000
"""And so many call sites, those that call most."""

LEAST = 30
"""Calls that a task has at least."""

TASKS = 30
"""Tasks that are proposed at most."""

SEEN = 3
"""A signal that is true of fewer answers is left out of a reward."""

MONTH = 28 * DAY
LEVEL = 0.05


class Surveyed(msgspec.Struct, frozen=True, kw_only=True):
    """Call sites that could be a task.

    Attributes:
        template: of the site that calls most; `sites`: their names.
        models: how often each was asked for.
        unit: the user where it is known of nearly all calls, else the session.
        calls: answered ones; `units`: of whom.
        signals: of how many answers each is true.
        covered: share of the answers of which one of them is true.
        baseline: the mean of a unit's reward, with its interval; None where no signal is true often enough.
        variance: of a unit's reward.
        flow: how much comes in.
    """

    template: Template
    sites: tuple[str, ...]
    models: Mapping[str, int]
    unit: Literal["user", "session"]
    calls: int
    units: int
    signals: Mapping[Traffic, int]
    covered: float
    baseline: Interval | None
    variance: float
    flow: Flow


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """All of it.

    Attributes:
        tasks: those with the most calls first.
        calls: that were looked at; `rare`: of sites with too few, or beyond what is proposed; `silent`: whose
            answers are no words, such as embeddings.
    """

    tasks: tuple[Surveyed, ...]
    calls: int
    rare: int
    silent: int


class _Call(NamedTuple):
    site: str
    user: str
    session: str
    model: str
    at: float


def survey(reader: Reader, least: int = LEAST, newest: int = NEWEST, *, agreed: bool = False) -> Survey:
    """What the calls in a ledger show.

    Args:
        reader: of the ledger.
        least: calls that a task has at least.
        newest: so many of the newest calls are looked at.
        agreed: only at those that may be learned from.
    """
    calls = dict(_calls(reader, newest, agreed=agreed))
    groups = grouped(_sites(reader, Counter(one.site for one in calls.values())))
    words = [group for group in groups if group.template.path != "/embeddings"]
    chosen = [group for group in words if group.calls >= least][:TASKS]
    true, failed = _found(reader, calls)
    by_site: dict[str, list[str]] = defaultdict(list)
    for id_, call in calls.items():
        by_site[call.site].append(id_)
    tasks = []
    for group in chosen:
        ids = [id_ for site in group.sites for id_ in by_site[site] if id_ not in failed]
        if ids:
            tasks.append(_surveyed(group, {id_: calls[id_] for id_ in ids}, true))
    silent = sum(group.calls for group in groups) - sum(group.calls for group in words)
    rare = len(calls) - silent - sum(group.calls for group in chosen)
    return Survey(tasks=tuple(tasks), calls=len(calls), rare=rare, silent=silent)


_CALLS = """
SELECT id, task, user, session, option, at FROM decisions
WHERE provenance = 'import' AND served AND +task GLOB 'site-*'
AND (NOT :agreed OR learn AND EXISTS (SELECT 1 FROM json_each(purposes) WHERE value = :improve))
ORDER BY sequence DESC LIMIT :newest"""
"""Without the plus the index of tasks would find all there ever were, to sort them."""


def _calls(reader: Reader, newest: int, *, agreed: bool) -> Iterator[tuple[str, _Call]]:
    given: dict[str, SqlValue] = {"newest": newest, "agreed": agreed, "improve": IMPROVE}
    for id_, task, user, session, option, at in reader.query(_CALLS, given).rows:
        if SITE.fullmatch(str(task)):
            yield str(id_), _Call(str(task), str(user), str(session), str(option), float(str(at)))


_INPUTS = """
SELECT w.value, (SELECT t.inputs FROM decisions AS d JOIN decision_texts AS t ON t.sequence = d.sequence
                 WHERE d.task = w.value AND d.served = 1 ORDER BY d.sequence DESC LIMIT 1)
FROM json_each(:sites) AS w"""


def templates(reader: Reader, sites: Sequence[str]) -> Iterator[tuple[str, Template]]:
    """What the newest call of each site was asked with."""
    for site, inputs in reader.query(_INPUTS, {"sites": json.dumps(sites)}).rows:
        document = json.loads(str(inputs)) if inputs else {}
        yield str(site), template_of_inputs(document) if isinstance(document, dict) else Template("")


def _sites(reader: Reader, counts: Counter[str]) -> Iterator[Seen]:
    most = [site for site, _ in counts.most_common(SITES)]
    for site, template in templates(reader, most):
        yield Seen(template, counts[site], site)


def _found(reader: Reader, calls: Mapping[str, _Call]) -> tuple[dict[str, set[Traffic]], set[str]]:
    """What is true of each answer, and which calls have none."""
    latest, through = max((one.at for one in calls.values()), default=0.0), reader.last()
    sessions = list(dict.fromkeys(one.session or id_ for id_, one in calls.items()))
    true: dict[str, set[Traffic]] = defaultdict(set)
    failed, kinds, reading = set(calls), tuple[Traffic, ...](get_args(Traffic)), Calls(reader)
    for start in range(0, len(sessions), CALLS):
        some = json.dumps(sessions[start : start + CALLS])
        given: dict[str, SqlValue] = {"sessions": some, "implicit": "[]", "through": through}
        turns = reading.of(given)
        failed -= {turn.decision for turn in turns if not turn.error}
        for kind in kinds:
            for one in noted(kind, turns, WAITS[kind]):
                if one.at <= latest:  # what would be true only later, nobody knows yet
                    true[one.decision].add(kind)
    return true, failed


def _surveyed(group: Group, calls: Mapping[str, _Call], true: Mapping[str, set[Traffic]]) -> Surveyed:
    named = sum(bool(one.user) for one in calls.values())
    unit: Literal["user", "session"] = "user" if named >= 0.99 * len(calls) else "session"
    signals = Counter(kind for id_ in calls for kind in true.get(id_, ()))
    chosen = frozenset(kind for kind, count in signals.items() if count >= SEEN)
    worth: dict[str, list[bool]] = defaultdict(list)
    for id_, call in sorted(calls.items(), key=lambda item: (item[1].at, item[0])):
        who = (call.user if unit == "user" else call.session) or id_
        worth[who].append(not chosen & true.get(id_, set()))
    means = [sum(values) / len(values) for values in worth.values()]
    baseline = mean_interval(means, LEVEL) if chosen else None
    return Surveyed(
        template=group.template,
        sites=group.sites,
        models=dict(Counter(one.model for one in calls.values()).most_common()),
        unit=unit,
        calls=len(calls),
        units=len(worth),
        signals=dict(signals.most_common()),
        covered=sum(bool(true.get(id_)) for id_ in calls) / len(calls),
        baseline=baseline,
        variance=_variance(means),
        flow=_flow(calls.values(), unit),
    )


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)


def _flow(calls: Iterable[_Call], unit: Literal["user", "session"]) -> Flow:
    """Of the last four weeks, or of as long as there is; what is silent is known to be good."""
    found = list(calls)
    latest = max(one.at for one in found)
    recent = [one for one in found if one.at > latest - MONTH]
    days = max((latest - min(one.at for one in recent)) / DAY, 1.0)
    units = len({(one.user if unit == "user" else one.session) or one for one in recent})
    return Flow(days=days, units=units / days, decisions=len(recent) / units, feedback=1.0)
