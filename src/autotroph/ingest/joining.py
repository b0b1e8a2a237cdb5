"""Decisions and what came back about them, joined in whatever order they came.

Signals are not kept here: when the horizon of a measure has passed, what counts for it is read from the
ledger, all at once. So the end state cannot depend on the order of arrival, nor on how often one looks.

A signal counts for a decision if it is about the decision (or the one that it shadows), its session or its
user, as declared, and its *event time* is before the horizon, and before `within`. Which of
several counts is declared, and whom in a session it is credited to, see `counting`.

Of a signal that nobody sends (see `implicit`) the newest row of a subject is what it is, and no other counts.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import heappop, heappush
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec

from autotroph.ingest.counting import TAKE, Made, Said, Timeline
from autotroph.records import IMPROVE, Completion, Decision, Interaction, Value
from autotroph.spec import SignalSpec
from autotroph.store import Reader

CHUNK = 1000
"""Interactions joined at once: a statement for all their signals."""


class Use(msgspec.Struct, frozen=True):
    """What a measure reads of what came back.

    Attributes:
        horizon: seconds after a decision within which signals count.
        signals: the declared ones that it names.
        served: whether only answers that somebody got have one.
    """

    horizon: float
    signals: Mapping[str, SignalSpec]
    served: bool = False


class Open(NamedTuple):
    """A measure of an answer that is not final yet; `number` is the order in which they came."""

    number: int
    measure: str
    decision: Decision
    completion: Completion


class Joined(NamedTuple):
    """An answer with what counts for one measure."""

    measure: str
    interaction: Interaction


class Joiner:
    """The measures of answers that are not final yet.

    Args:
        reader: of the ledger.
        uses: by task and name of the measure.
    """

    def __init__(self, reader: Reader, uses: Mapping[str, Mapping[str, Use]]) -> None:
        self._reader, self._uses = reader, uses
        self._open: dict[tuple[str, str], Open] = {}
        self._due: list[tuple[float, int, tuple[str, str]]] = []
        self._number = 0

    def take(self, answered: Iterable[tuple[Decision, Completion]]) -> None:
        """Opens the measures of answers, in ledger order."""
        for decision, completion in answered:
            for measure, use in self._uses[decision.task].items():
                if decision.served or not use.served:
                    self._number += 1
                    place = decision.id, measure
                    self._open[place] = Open(self._number, measure, decision, completion)
                    heappush(self._due, (decision.at + use.horizon, self._number, place))

    def close(self, decision: str, measure: str) -> Open:
        """One is final, and no longer waits."""
        return self._open.pop((decision, measure))

    def due(self, now: float, through: int) -> Iterator[Joined]:
        """Hands over what is final by `now`, in ledger order; the rows up to `through` count."""
        ripe = []
        while self._due and self._due[0][0] <= now:
            _, number, place = heappop(self._due)
            if (found := self._open.get(place)) and found.number == number:
                ripe.append(self._open.pop(place))
        yield from self.join(sorted(ripe), through)

    def ripe(self, now: float, names: Mapping[str, str], enough: int) -> int:
        """How many answers have the measure of this name, by task, due by `now`; counted up to `enough`."""
        found, places = 0, [0]
        while places and found < enough:
            place = places.pop()
            if place < len(self._due) and self._due[place][0] <= now:
                places += (2 * place + 1, 2 * place + 2)  # below in the heap
                _, number, key = self._due[place]
                one = self._open.get(key)
                found += one is not None and one.number == number and names[one.decision.task] == one.measure
        return found

    def late(self, since: int, through: int, again: Sequence[int] = ()) -> Iterator[Joined]:
        """What was final before, and may be worth something else now.

        It is touched by rows after `since`, or it is among the decisions to be looked at `again`, which are
        named by their sequences.
        """
        touched: dict[str, None] = {}
        for task, uses in self._uses.items():
            for sql, parameters in _touching(task, uses, since, through, again):
                touched |= {str(id_): None for (id_,) in self._reader.query(sql, parameters).rows}
        closed = (again for id_ in touched for again in self._again(id_))
        yield from self.join(closed, through)

    def join(self, waiting: Iterable[Open], through: int) -> Iterator[Joined]:
        """Answers with what counts for each, of the rows up to a ledger sequence."""
        rest = iter(waiting)
        heard: _Heard | None = None
        while some := list(islice(rest, CHUNK)):
            heard = _Heard(self._reader, some, self._uses, through, heard)
            for one in some:
                yield Joined(one.measure, heard.interaction(one, self._uses[one.decision.task][one.measure]))

    def waiting(self) -> list[tuple[str, str]]:
        """The decisions and measures that are open, sorted."""
        return sorted(self._open)

    @property
    def open(self) -> int:
        """How many answers wait for a measure."""
        return len({decision for decision, _ in self._open})

    def _again(self, id_: str) -> Iterator[Open]:
        decision = self._reader.get(Decision, id=id_)
        completion = self._reader.get(Completion, decision=id_)
        if decision is None or completion is None:
            return
        for measure, use in self._uses[decision.task].items():
            if (id_, measure) not in self._open and (decision.served or not use.served):
                yield Open(0, measure, decision, completion)


class _Heard:
    """All that was said about some answers.

    Args:
        reader: of the ledger.
        waiting: the answers.
        uses: by task and name of the measure.
        through: the last sequence that counts.
        before: what was heard for the answers just before: of one session it is read once for all of them.
    """

    def __init__(
        self,
        reader: Reader,
        waiting: Sequence[Open],
        uses: Mapping[str, Mapping[str, Use]],
        through: int,
        before: "_Heard | None" = None,
    ) -> None:
        used = [uses[one.decision.task][one.measure] for one in waiting]
        declared = [(name, signal) for use in used for name, signal in use.signals.items()]
        about = {signal.about for _, signal in declared}
        self._names = sorted({signal.of or name for name, signal in declared})
        self._lines: dict[tuple[str, ...], Timeline] = {}
        known = before if before is not None and before._names == self._names else None
        self._said = {_subject(kind, one.decision): _NOTHING for one in waiting for kind in about}
        if self._names:
            fresh = _carried(self._said, known._said if known else {})
            self._hear(reader, fresh, _implicit(declared), through)
        self._sessions: dict[str, Mapping[str, list[Made]]] = {}
        if any(signal.credit != "every" for _, signal in declared):
            self._sessions = {one.decision.session: _NOBODY for one in waiting}
            self._visit(reader, _carried(self._sessions, known._sessions if known else {}), through)

    def _hear(self, reader: Reader, subjects: Sequence[str], implicit: str, through: int) -> None:
        """What was said about subjects, by what they are and the name of the signal."""
        given: dict[str, str | int] = {"subjects": json.dumps(subjects), "names": json.dumps(self._names)}
        found: dict[str, dict[tuple[str, str], list[Said]]] = defaultdict(lambda: defaultdict(list))
        for about, subject, name, said in map(
            _said, reader.query(_SAID, given | {"implicit": implicit, "through": through}).rows
        ):
            found[subject][about, name].append(said)
        for each in found.values():
            for known in each.values():
                known.sort(key=_moment)
        self._said |= found

    def _visit(self, reader: Reader, sessions: Sequence[str], through: int) -> None:
        """The served decisions of sessions, by task."""
        found: dict[str, dict[str, list[Made]]] = defaultdict(lambda: defaultdict(list))
        for session, task, at, id_ in reader.query(_SESSIONS, (json.dumps(sessions), through)).rows:
            found[str(session)][str(task)].append((float(at or 0), str(id_)))
        for each in found.values():
            for made in each.values():
                made.sort()
        self._sessions |= found

    def interaction(self, one: Open, use: Use) -> Interaction:
        values: dict[str, Value] = {}
        agreed = True
        for name, declared in use.signals.items():
            line = self._line(one.decision, name, declared)
            span = use.horizon if declared.within is None else min(use.horizon, declared.within)
            made = one.decision.at, one.decision.about
            if line is not None and (counted := line.counted(one.decision.at + span, made)):
                values[name] = TAKE[declared.take](counted)
                agreed = agreed and (line.agreed or all(said.agreed for said in counted))
        return Interaction(decision=one.decision, completion=one.completion, signals=values, agreed=agreed)

    def _line(self, decision: Decision, name: str, declared: SignalSpec) -> Timeline | None:
        """The signal about whatever of a decision it is about; None where nothing was said."""
        subject, heard = _subject(declared.about, decision), declared.of or name
        known = self._said[subject].get((declared.about, heard)) if subject else None
        if not known:
            return None
        place = declared.about, heard, subject, decision.task, declared.type, declared.credit
        if place not in self._lines:
            fitting = [one for one in known if isinstance(one.value, str) == (declared.type == "text")]
            session = self._sessions.get(decision.session, _NOBODY).get(decision.task, [])
            self._lines[place] = Timeline(fitting, declared.credit, session)
        return self._lines[place]


_NOTHING: Mapping[tuple[str, str], list[Said]] = {}
_NOBODY: Mapping[str, list[Made]] = {}

T = TypeVar("T")


def _carried(wanted: dict[str, T], known: Mapping[str, T]) -> list[str]:
    """Fills in what is known already, and hands back the rest."""
    wanted |= {name: known[name] for name in wanted.keys() & known.keys()}
    return sorted(wanted.keys() - known.keys())


def _implicit(declared: Iterable[tuple[str, SignalSpec]]) -> str:
    """The signals among these that nobody sends, as a JSON list of names."""
    return json.dumps(sorted({name for name, signal in declared if signal.implicit}))


def _subject(about: str, decision: Decision) -> str:
    return {"decision": decision.about, "session": decision.session, "user": decision.user}[about]


def _said(row: Sequence[object]) -> tuple[str, str, str, Said]:
    about, subject, name, at, id_, type_, number, text, user, learn, purposes = row
    value: Value = str(text or "") if type_ == "text" else float(number or 0)  # type: ignore[arg-type]
    if type_ == "boolean":
        value = bool(value)
    agreed = bool(learn) and _improves(str(purposes))
    return str(about), str(subject), str(name), Said(float(at), str(id_), value, str(user), agreed)  # type: ignore[arg-type]


@lru_cache(1024)
def _improves(purposes: str) -> bool:
    return IMPROVE in msgspec.json.decode(purposes)


def _moment(said: Said) -> tuple[float, str]:
    return said.at, said.id


_SAID = """
SELECT s.about, s.subject, s.name, s.at, s.id, s.value_type, s.value_number, t.value_text, s.user, s.learn,
       s.purposes
FROM json_each(:subjects) AS w CROSS JOIN signals AS s ON s.subject = w.value
LEFT JOIN signal_texts AS t ON t.sequence = s.sequence
WHERE s.name IN (SELECT value FROM json_each(:names)) AND s.sequence <= :through
  AND (s.name NOT IN (SELECT value FROM json_each(:implicit)) OR s.sequence = (
    SELECT max(n.sequence) FROM signals AS n
    WHERE n.subject = s.subject AND n.name = s.name AND n.about = s.about AND n.sequence <= :through))"""

_SESSIONS = """
SELECT d.session, d.task, d.at, d.id FROM json_each(?) AS w CROSS JOIN decisions AS d ON d.session = w.value
WHERE d.session <> '' AND d.served AND d.sequence <= ?"""

_NEW = """
WITH said AS MATERIALIZED (
  SELECT s.subject, min(iif(s.name IN (SELECT value FROM json_each(:implicit)), -9e999, s.at)) AS at
  FROM signals AS s
  WHERE s.sequence > :since AND s.sequence <= :through AND s.about = :about
    AND s.name IN (SELECT value FROM json_each(:names))
  GROUP BY s.subject
)
SELECT d.id FROM said AS s CROSS JOIN decisions AS d ON {}
WHERE d.task = :task AND d.sequence <= :since AND d.at + :horizon > s.at"""
"""Decisions within whose horizon something new was said, by the first of it; of a signal that nobody sends
the newest row counts whenever it was."""

_ABOUT = {
    "decision": ("d.id = s.subject", "d.shadows = s.subject AND d.shadows <> ''"),
    "session": ("d.session = s.subject AND d.session <> ''",),
    "user": ("d.user = s.subject AND d.user <> ''",),
}

_AGAIN = """
SELECT d.id FROM json_each(:again) AS w CROSS JOIN decisions AS d ON d.sequence = w.value
WHERE d.task = :task"""

_JOINING = """
WITH told AS (
  SELECT s.subject, s.at FROM signals AS s
  WHERE s.about = 'session' AND s.name IN (SELECT value FROM json_each(:names)) AND s.sequence <= :through
), joined AS MATERIALIZED (
  SELECT n.session, min(n.at) AS at, (
    SELECT min(b.at) FROM decisions AS b
    WHERE b.session = n.session AND b.served AND b.task = :task AND b.sequence <= :through) AS first
  FROM decisions AS n
  WHERE n.sequence > :since AND n.sequence <= :through AND n.session <> '' AND n.served AND n.task = :task
  GROUP BY n.session HAVING EXISTS (SELECT 1 FROM told AS s WHERE s.subject = n.session)
), moved AS MATERIALIZED (
  SELECT session FROM joined AS n
  WHERE EXISTS (SELECT 1 FROM told AS s WHERE s.subject = n.session AND (s.at >= n.at OR s.at < n.first))
)
SELECT d.id FROM moved AS n CROSS JOIN decisions AS d ON d.session = n.session
WHERE d.session <> '' AND d.task = :task AND d.sequence <= :since"""
"""In whose session a new decision changes who is credited: it was made by the time of a signal, or the clock
of a signal says that none was."""


def _touching(
    task: str, uses: Mapping[str, Use], since: int, through: int, again: Sequence[int]
) -> Iterator[tuple[str, dict[str, str | int | float]]]:
    """Which decisions new signals are about; and in whose session a new decision changes who is credited."""
    horizon = max((use.horizon for use in uses.values()), default=0.0)
    declared = [(name, signal) for use in uses.values() for name, signal in use.signals.items()]
    given: dict[str, str | int | float] = {"task": task, "since": since, "through": through}
    implicit = {"implicit": _implicit(declared)}
    for about, joins in _ABOUT.items():
        names = sorted({signal.of or name for name, signal in declared if signal.about == about})
        for join in joins if names else ():
            said = {"about": about, "names": json.dumps(names), **implicit}
            yield _NEW.format(join), given | said | {"horizon": horizon}
    if again:
        yield _AGAIN, {"task": task, "again": json.dumps(again)}
    if credited := sorted({signal.of or name for name, signal in declared if signal.credit != "every"}):
        yield _JOINING, given | {"names": json.dumps(credited)}
