"""Does the loop turn: is anything heard, judged, tried, and ever promoted?"""

from collections.abc import Iterator

from autotroph.observe.findings import DAY, Case, Check, Finding, counted, look
from autotroph.observe.health import TaskHealth
from autotroph.store import SqlValue

ENOUGH = 50
"""Decisions after which silence means something."""

SPARSE = 0.05
MEASURABLE = 200
"""Final rewards after which there should be a lift."""

OPEN = 5
REFUSED = 10


def _needs(case: Case) -> Iterator[Finding]:
    """What `autotroph status` names too."""
    for need in case.health.needs:
        if need.what != case.health.fault and need.subject != "signals":
            yield look(need.subject, need.what, need.way_out)


def _heard(case: Case) -> Iterator[Finding]:
    for name, task in case.spec.tasks.items():
        if not task.reward:
            continue
        _, reward = case.spec.reward_of(name)
        given: dict[str, SqlValue] = {"task": name, "before": case.now - float(reward.horizon)}
        decisions = case.count(_ASKED, given)
        used = case.spec.expression(reward.value).names
        for signal in (one for one in case.spec.signals if one in used and decisions >= ENOUGH):
            about = case.spec.signals[signal].about
            if case.spec.signals[signal].traffic:  # where nothing is found, nothing may have happened
                continue
            heard = case.count(_HEARD[about], {**given, "name": signal})
            meant = reward.silent.get(signal, "unknown") != "unknown"
            if not heard or (heard < SPARSE * decisions and not meant):
                yield _unheard(name, signal, heard, decisions)


_MINE = "d.task = :task AND d.served = 1 AND d.provenance = 'product' AND d.at <= :before"
_ASKED = f"SELECT count(*) FROM decisions AS d WHERE {_MINE}"
_HEARD = {
    about: f"""SELECT count(*) FROM decisions AS d WHERE {_MINE} AND EXISTS (SELECT 1 FROM signals AS s
                WHERE s.subject = d.{column} AND s.name = :name AND s.about = '{about}')"""
    for about, column in (("decision", "id"), ("session", "session"), ("user", "user"))
}


def _unheard(task: str, signal: str, heard: int, decisions: int) -> Finding:
    often = f"came for {heard:,} of" if heard else "never came, in"
    what = f"its reward needs {signal!r}, which {often} {counted(decisions, 'decision')}"
    way_out = f'product.signal(decision.id, "{signal}", …), or say what silence means: silent = {{ … }}'
    return look(task, what, way_out)


def _outcomes(case: Case) -> Iterator[Finding]:
    if not case.spec.outcomes and case.spec.tasks:
        what = "none is declared, so nobody checks the rewards against what is really wanted"
        yield look("outcomes", what, '[outcomes.NAME] value = "…"')


def _holdback(case: Case) -> Iterator[Finding]:
    if not case.spec.ladder.holdback:
        what = "nobody is held back on release 0, so what the loop was worth cannot be measured"
        yield look("holdback", what, "[ladder] holdback = 0.02")


def _evaluation(case: Case) -> Iterator[Finding]:
    tracks = {track.task for track in case.spec.tracks.values()}
    for task in _rewarded(case):
        if task.name not in tracks:
            what = "no track makes candidates for it"
            yield look(task.name, what, f'[tracks.NAME] kind = "policy" task = "{task.name}"')
        if task.counts.rewards >= MEASURABLE:
            yield from _unmeasured(case, task)


def _unmeasured(case: Case, task: TaskHealth) -> Iterator[Finding]:
    rewards = counted(task.counts.rewards, "final reward")
    if task.lift is None:
        yield look(task.name, f"{rewards}, and no lift over release 0 was measured", "autotroph cycle")
    gate = "SELECT count(*) FROM decisions WHERE task = ? AND served = 1 AND fold = 'gate'"
    if not case.count(gate, (task.name,)):
        what = f"{rewards}, and none in the gate's fold: no candidate can be judged"
        yield look(task.name, what, "[gate] fold = 0.2")


_MOVED = """SELECT coalesce((SELECT max(at) FROM verdicts WHERE task = :task AND finding = 'promoted'),
                           (SELECT min(at) FROM releases WHERE task = :task))"""
_SINCE = "SELECT count(*) FROM decisions WHERE task = :task AND served = 1 AND at > :since"


def _static(case: Case) -> Iterator[Finding]:
    for task in _rewarded(case):
        moved = case.number(_MOVED, {"task": task.name})
        days = (case.now - moved) / DAY
        lately: dict[str, SqlValue] = {"task": task.name, "since": case.now - case.static_days * DAY}
        if moved and days >= case.static_days and case.count(_SINCE, lately):
            decisions = counted(case.count(_SINCE, {"task": task.name, "since": moved}), "decision")
            what = f"nothing was promoted for {days:,.0f} days, in which {decisions} were made"
            yield look(task.name, what, f"autotroph releases {task.name}, which says why")


def _candidates(case: Case) -> Iterator[Finding]:
    for task in _rewarded(case):
        waiting = len(task.contenders)
        if waiting > OPEN:
            what = f"{waiting} candidates are open, and share the α that there is: each needs longer"
            yield look(task.name, what, "raise `every` of its tracks, or take one of them out")
        newest = case.reader.query(_JUDGED, (task.name, REFUSED)).rows
        if len(newest) == REFUSED and all(finding == "refused" for (finding,) in newest):
            what = f"the last {REFUSED} candidates were refused"
            yield look(task.name, what, f"autotroph releases {task.name}, which says why")


_JUDGED = """SELECT finding FROM verdicts WHERE task = ? AND finding IN ('refused', 'promoted', 'rolled back')
              ORDER BY sequence DESC LIMIT ?"""


def _rewarded(case: Case) -> Iterator[TaskHealth]:
    return (task for task in case.health.tasks if case.spec.tasks[task.name].reward)


IDLING: tuple[Check, ...] = (
    Check("needs", "nothing waits for a person", _needs),
    Check("heard", "what the rewards need comes back", _heard),
    Check("outcomes", "declared", _outcomes),
    Check("holdback", "some people stay on release 0", _holdback),
    Check("evaluation", "candidates are made, and what the loop was worth is measured", _evaluation),
    Check("movement", "something was promoted, or nobody asks", _static),
    Check("candidates", "neither too many, nor all in vain", _candidates),
)
