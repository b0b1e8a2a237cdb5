"""Is it healthy, is it learning, what was it worth, and what needs its owner: one reading of a ledger."""

from collections.abc import Iterator

import msgspec

from autotroph.errors import LedgerError
from autotroph.observe.exploring import Metered, metered
from autotroph.observe.steps import Steps, steps
from autotroph.observe.traffic import Carried, traffic
from autotroph.policy.documents import freeze
from autotroph.prompts import documents as prompts
from autotroph.records import (
    DECLARATION,
    Candidate,
    Cycle,
    Entry,
    Measurement,
    Release,
    Variant,
)
from autotroph.spec import Spec, VariantSpec
from autotroph.store import Reader, verify

LIFT = "lift over release 0"


class Need(msgspec.Struct, frozen=True):
    """Something that only a person can do: what it is about, what is the matter, and the way out."""

    subject: str
    what: str
    way_out: str


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much of everything one task has; `pending` are decisions whose reward is not final yet."""

    decisions: int = 0
    signals: int = 0
    rewards: int = 0
    pending: int = 0
    candidates: int = 0
    promoted: int = 0
    refused: int = 0
    rolled_back: int = 0


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that is on its way: where it stands, and what was found about it last."""

    name: str
    track: str
    stage: str
    share: float
    finding: str
    reason: str


class TaskHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One task: steps of the loop, how much there is, what serves, what it was worth, what it tries."""

    name: str
    steps: Steps = Steps()
    counts: Counts = Counts()
    serving: str = ""
    since: float | None = None
    contenders: tuple[Contender, ...] = ()
    lift: Measurement | None = None
    exploration: Metered | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """A product at a glance.

    Attributes:
        product, ledger: their names.
        rows: the last sequence of the ledger; None while there is no ledger.
        links: of the hash chain; `fault` says what is wrong with it, and is empty where it holds.
        declared: whether the product was last opened with what the file says now; None if it never was.
        cycles, cycled: how many there were, and when the last one was.
        orphans: signals about decisions that are not in the ledger.
        killswitch: the file that takes back what serves; empty where there is no place for one.
        traffic: what came through the gateway.
    """

    product: str
    ledger: str = ""
    rows: int | None = None
    links: int = 0
    fault: str = ""
    declared: bool | None = None
    cycles: int = 0
    cycled: float | None = None
    orphans: int = 0
    killswitch: str = ""
    tasks: tuple[TaskHealth, ...] = ()
    traffic: Carried = Carried()
    needs: tuple[Need, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether the ledger can be trusted; what a person should look at is in `needs`."""
        return not self.fault


def health(reader: Reader, spec: Spec, ledger: str = "") -> Health:
    """Read a product's health.

    Args:
        reader: of its ledger, which another process may be writing.
        spec: what is declared now.
        ledger: what to call the ledger.
    """
    links, fault = _chain(reader)
    last = reader.get(Cycle)
    tasks = tuple(_task(reader, name) for name in spec.tasks)
    found = Health(
        product=spec.product.name,
        ledger=ledger,
        rows=reader.last(),
        links=links,
        fault=fault,
        declared=_declared(reader, spec),
        cycles=last.number if last else 0,
        cycled=last.at if last else None,
        orphans=_number(reader, _ORPHANS),
        tasks=tasks,
        traffic=traffic(reader, spec),
    )
    return msgspec.structs.replace(found, needs=tuple(_needs(reader, spec, found)))


def unopened(spec: Spec, ledger: str = "") -> Health:
    """The health of a product that is declared and was never opened: there is no ledger yet."""
    tasks = tuple(TaskHealth(name=name) for name in spec.tasks)
    way_out = "product.decide(…)" if spec.tasks else "`autotroph serve`"
    first = Need("ledger", "there is none yet; the first decision makes it", way_out)
    needs = (first, *_unrewarded(spec))
    return Health(product=spec.product.name, ledger=ledger, tasks=tasks, needs=needs)


# reading -------------------------------------------------------------------------------------------------

_ORPHANS = """
SELECT count(*) FROM signals AS s WHERE s.about = 'decision'
   AND NOT EXISTS (SELECT 1 FROM decisions AS d WHERE d.id = s.subject)
"""

_COUNTS = """
WITH mine AS (SELECT id, session, user FROM decisions
               WHERE task = :task AND served = 1 AND provenance = 'product'),
     final AS (SELECT w.value FROM mine JOIN rewards AS w ON w.sequence = (
       SELECT max(sequence) FROM rewards WHERE decision = mine.id AND final = 1 AND kind = 'reward')),
     judged AS (SELECT finding, judge FROM verdicts WHERE task = :task)
SELECT (SELECT count(*) FROM mine) AS decisions,
       (SELECT count(*) FROM signals WHERE about = 'decision' AND subject IN (SELECT id FROM mine)
            OR about = 'session' AND subject IN (SELECT session FROM mine)
            OR about = 'user' AND subject IN (SELECT user FROM mine)) AS signals,
       (SELECT count(value) FROM final) AS rewards,
       (SELECT count(*) FROM mine) - (SELECT count(*) FROM final) AS pending,
       (SELECT count(*) FROM candidates WHERE task = :task) AS candidates,
       (SELECT count(*) FROM judged WHERE finding = 'promoted' AND judge <> 'person') AS promoted,
       (SELECT count(*) FROM judged WHERE finding = 'refused') AS refused,
       (SELECT count(*) FROM judged WHERE finding = 'rolled back') AS rolled_back
"""

_SERVING = """
SELECT r.name, (SELECT min(s.at) FROM stages AS s WHERE s.release = r.release AND s.sequence >
    (SELECT coalesce(max(o.sequence), 0) FROM stages AS o
      WHERE o.release = r.release AND o.name <> 'serving')) AS since
FROM release_log AS r WHERE r.task = ? AND r.stage = 'serving' ORDER BY r.sequence DESC LIMIT 1
"""

_ANSWERED = "SELECT 1 FROM answers WHERE task = ? AND error = '' LIMIT 1"

_CONTENDERS = """
SELECT c.name, c.track, coalesce(r.stage, 'gate') AS stage, coalesce(r.share, 0.0) AS share,
       coalesce(v.finding, '') AS finding, coalesce(v.reason, '') AS reason
FROM candidates AS c
LEFT JOIN release_log AS r ON r.candidate = c.id
LEFT JOIN verdicts AS v ON v.sequence = (SELECT max(sequence) FROM verdicts WHERE candidate = c.id)
WHERE c.task = ? AND (r.stage IN ('shadow', 'canary')
   OR r.stage IS NULL AND coalesce(v.finding, 'undecided') IN ('undecided', 'hold'))
ORDER BY c.sequence
"""


def _chain(reader: Reader) -> tuple[int, str]:
    try:
        return verify(reader), ""
    except LedgerError as error:
        return 0, str(error)


def _declared(reader: Reader, spec: Spec) -> bool | None:
    entry = reader.get(Entry, event="declaration")
    return None if entry is None else entry.details.get("digest") == spec.digest


def _task(reader: Reader, name: str) -> TaskHealth:
    counts = msgspec.convert(reader.query(_COUNTS, {"task": name}).dicts()[0], Counts)
    serving, since = next(iter(reader.query(_SERVING, (name,)).rows), ("", None))
    contenders = reader.query(_CONTENDERS, (name,)).dicts()
    return TaskHealth(
        name=name,
        steps=steps(reader, name),
        counts=counts,
        serving=str(serving),
        since=msgspec.convert(since, float | None),
        contenders=msgspec.convert(contenders, tuple[Contender, ...]),
        lift=reader.get(Measurement, name=LIFT, task=name),
        exploration=metered(reader, name),
    )


def _number(reader: Reader, sql: str) -> int:
    return msgspec.convert(reader.query(sql).rows[0][0], int)


# what needs a person -------------------------------------------------------------------------------------


def _needs(reader: Reader, spec: Spec, found: Health) -> Iterator[Need]:
    if found.fault:
        yield Need("ledger", found.fault, "")
    if found.declared is False:
        what = "the declaration has changed since the product was last opened"
        yield Need("declaration", what, "start `autotroph serve` again, or open the product again")
    yield from _unrewarded(spec)
    yield from _of_traffic(spec, found.traffic)
    for task in found.tasks:
        yield from _of_task(reader, spec, task, found.traffic)
    if found.cycles == 0 and any(task.counts.decisions for task in found.tasks):
        yield Need("loop", "no cycle has run yet", "product.cycle(), or `autotroph cycle`")
    if found.orphans:
        what = f"{found.orphans} signals are about decisions that are not here"
        yield Need("signals", what, "send the id that product.decide(…) gave")


def _of_traffic(spec: Spec, found: Carried) -> Iterator[Need]:
    """What a product needs that is only passed on: whoever has declared a task has chosen what is one."""
    if spec.tasks or not (spec.product.upstream or found.calls):
        return
    if found.untasked:
        what = f"{found.untasked:,} calls of {found.sites:,} call sites are of no task: nothing is learned"
        yield Need("traffic", what, "`autotroph init --from-traffic`")
    else:
        what = "no call has come through the gateway yet"
        yield Need("traffic", what, "`autotroph serve`, and its address with /v1 behind it as base_url")


def _unrewarded(spec: Spec) -> Iterator[Need]:
    for name, task in spec.tasks.items():
        if not task.reward:
            yield Need(name, "declares no reward, so it cannot learn", f'[tasks.{name}] reward = "…"')


def _of_task(reader: Reader, spec: Spec, task: TaskHealth, carried: Carried) -> Iterator[Need]:
    if not task.counts.decisions and not _is_recorded(spec, task.name, carried):
        asked = f'model="{task.name}"' if spec.outside(task.name) else f'product.decide("{task.name}", …)'
        yield Need(task.name, "no decision yet", asked)
    elif task.counts.decisions and not task.counts.signals and (signal := _first_signal(spec, task.name)):
        what = f"{task.counts.decisions:,} decision{'s' * (task.counts.decisions > 1)} and not one signal"
        yield Need(task.name, what, f'product.signal(decision.id, "{signal}", …)')
    for one in task.contenders:
        if one.stage == "gate" and "`autotroph approve`" not in one.reason:  # whoever is asked is told apart
            what = f"candidate {one.name!r} waits at the gate: {one.reason or 'it was not looked at yet'}"
            yield Need(task.name, what, "more use, then `autotroph cycle`")
    if _redeclared(reader, spec, task.name):
        what = "its declared variants or policy are not what was last proposed; nobody meets them yet"
        if task.counts.decisions and not reader.query(_ANSWERED, (task.name,)).rows:
            what = f"{what}, and what serves has answered nobody"
            yield Need(task.name, what, "`autotroph plan`, then `autotroph apply --force`: it serves at once")
            return
        yield Need(task.name, what, "`autotroph plan`, then `autotroph apply`")


def _is_recorded(spec: Spec, task: str, carried: Carried) -> bool:
    """Whether calls of a task without a reward came, which are recorded, though no release answers."""
    return not spec.tasks[task].reward and any(line.task == task for line in carried.lines)


def _first_signal(spec: Spec, task: str) -> str:
    """The first declared signal that the task's reward uses; empty where it uses what nobody sends."""
    reward = spec.rewards.get(spec.tasks[task].reward)
    used = spec.expression(reward.value).names if reward else ()
    wanted = [name for name in spec.signals if name in used] or list(spec.signals)
    sent = [name for name in wanted if not spec.signals[name].implicit]
    return sent[0] if sent else "" if wanted else "…"


def _redeclared(reader: Reader, spec: Spec, task: str) -> bool:
    zero = reader.get(Release, task=task, name="release 0")
    if zero is None:
        return False
    declared, last = spec.tasks[task], reader.get(Candidate, task=task, track=DECLARATION)
    body = last.body if last else zero.body
    now = {name: (*_asked(one), *_found(spec, one)) for name, one in declared.variants.items()}
    then = {name: (*_asked(one), one.upstream, one.named, one.prompt) for name, one in body.variants.items()}
    return now != then or freeze(declared.policy).digest != body.policy


def _asked(one: Variant | VariantSpec) -> tuple[object, ...]:
    return one.model, one.parameters, one.cascade, one.accept, one.fallback


def _found(spec: Spec, one: VariantSpec) -> tuple[object, ...]:
    """Where its models answer, and the text that they are asked with: both may change under their names."""
    named = {name: place for name in (*one.cascade, *one.fallback) if (place := spec.place(name))}
    text = prompts.freeze(spec.file(one.prompt)).digest if one.prompt else ""
    return spec.place(one.model), named, text
