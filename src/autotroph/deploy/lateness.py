"""Does the reward's horizon see what comes back about each arm, or only about the quicker one?"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

from autotroph.spec import SignalSpec
from autotroph.stats.delays import COVERED, FOLLOWED, Coverage, coverage, uneven
from autotroph.store import Reader

LADDER = {"candidate": "candidate", "control": "control"}

MOST = 4000
"""Decisions looked at, the newest of those that were followed long enough."""

_DELAYS = """
WITH followed AS (
  SELECT d.id, d.session, a.value AS arm, d.at FROM decisions AS d
  JOIN json_each(:arms) AS a ON a.key = iif(d.arm = 'experiment', d.release, d.arm)
  WHERE d.task = :task AND d.served AND d.sequence > :since AND d.at <= :before
  ORDER BY d.sequence DESC LIMIT :most)
SELECT d.arm, n.value ->> 'name', (
  SELECT min(s.at) FROM signals AS s
  WHERE s.subject = iif(n.value ->> 'about' = 'session', d.session, d.id)
    AND s.name = n.value ->> 'source' AND s.about = n.value ->> 'about') - d.at AS delay
FROM followed AS d CROSS JOIN json_each(:names) AS n
WHERE delay IS NOT NULL"""


class Lateness:
    """Of one task, measured in the ledger.

    Args:
        reader: of the ledger.
        task: its name.
        signals: those that its reward reads; what is about a user comes when it comes.
        horizon: the reward's, in seconds.
    """

    def __init__(self, reader: Reader, task: str, signals: Mapping[str, SignalSpec], horizon: float) -> None:
        self._reader, self._task, self._horizon = reader, task, horizon
        self._names = json.dumps(
            [
                {"name": name, "source": declared.of or name, "about": declared.about}
                for name, declared in signals.items()
                if declared.about != "user" and declared.within is None
            ]
        )

    def __call__(self, since: int, now: float, arms: Mapping[str, str] = LADDER) -> str:
        """Which signal comes too late in which arm, in words; empty if none does.

        Args:
            since: decisions after this ledger sequence count.
            now: seconds since the epoch.
            arms: what each is called: those of the ladder or, by their releases, those of an experiment.
        """
        delays: dict[tuple[str, str], list[float]] = defaultdict(list)
        given: dict[str, str | int | float] = {
            "task": self._task,
            "since": since,
            "before": now - FOLLOWED * self._horizon,
            "most": MOST,
            "names": self._names,
            "arms": json.dumps(dict(arms)),
        }
        for arm, name, delay in self._reader.query(_DELAYS, given).rows:
            delays[str(name), str(arm)].append(float(delay or 0))
        found = {key: coverage(each, self._horizon) for key, each in sorted(delays.items())}
        return self._short(found) or self._uneven(found)

    def _short(self, found: Mapping[tuple[str, str], Coverage]) -> str:
        """An arm of which the horizon sees too little."""
        for (name, arm), one in found.items():
            if not one.enough:
                return (
                    f"a horizon of {_span(self._horizon)} is too short: in the {arm} arm only"
                    f" {one.share:.0%} of {name!r} came within it, at least {COVERED:.0%} are wanted (of"
                    f" {one.n} within twice of it; 95 % came after {_span(one.late)} or more); declare a"
                    " longer horizon"
                )
        return ""

    def _uneven(self, found: Mapping[tuple[str, str], Coverage]) -> str:
        """An arm of which the horizon sees more than of the other."""
        for name in sorted({name for name, _ in found}):
            arms = [found[name, arm] for arm in ("candidate", "control") if (name, arm) in found]
            if len(arms) == 2 and uneven(*arms):
                return (
                    f"a horizon of {_span(self._horizon)} sees {arms[0].share:.1%} of {name!r} in the"
                    f" candidate arm and {arms[1].share:.1%} in the control arm; declare a longer horizon"
                )
        return ""


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
