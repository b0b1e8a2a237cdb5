"""Decisions and what came back about them, joined in whatever order they came."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator

from autotroph.records import Completion, Decision, Interaction, Signal


class Joiner:
    """Open interactions: decisions whose reward is not final yet, with the signals about them.

    The end state does not depend on the order of arrival: of several signals of one name about one
    subject the latest by event time counts, and a signal that came first waits for its decision. Of what
    is about the user, the session and the decision, the narrower counts.

    Args:
        horizons: seconds after a decision within which signals about it count, by task.
        names: the signals that any reward uses; others are kept in the ledger only.
    """

    def __init__(self, horizons: dict[str, float], names: frozenset[str]) -> None:
        self._horizons, self._names = horizons, names
        self._open: dict[str, tuple[Decision, Completion]] = {}
        self._signals: dict[tuple[str, str], dict[str, list[Signal]]] = defaultdict(dict)
        self._closed: set[str] = set()

    def take_decisions(self, decisions: Iterable[tuple[Decision, Completion]]) -> None:
        """Open interactions."""
        for decision, completion in decisions:
            self._open[decision.id] = (decision, completion)

    def take_signals(self, signals: Iterable[Signal]) -> None:
        """Keep the signals that rewards use, by event time: which of a name counts, the horizon says."""
        for signal in signals:
            if signal.name not in self._names:
                continue
            known = self._signals[signal.about, signal.subject].setdefault(signal.name, [])
            if signal not in known:
                insort(known, signal, key=_moment)

    def interactions(self) -> Iterator[Interaction]:
        """The open interactions, each with the signals that count for it so far."""
        for decision, completion in self._open.values():
            yield self._interaction(decision, completion)

    def close(self, decision: str) -> Interaction:
        """Hand over an interaction whose reward is final; `tidy` forgets what came back about it."""
        made, completion = self._open.pop(decision)
        self._closed.add(made.about)
        return self._interaction(made, completion)

    def tidy(self) -> None:
        """Forget the signals about decisions all of whose interactions are closed."""
        still = {decision.about for decision, _ in self._open.values()}
        for about in self._closed - still:
            self._signals.pop(("decision", about), None)
        self._closed &= still

    @property
    def open(self) -> int:
        """How many interactions wait for their reward."""
        return len(self._open)

    def _interaction(self, decision: Decision, completion: Completion) -> Interaction:
        said = self._about(decision)
        return Interaction(
            decision=decision,
            completion=completion,
            signals={name: signal.value for name, signal in said.items()},
            agreed=all(one.terms.may_learn for one in said.values()),
        )

    def _about(self, decision: Decision) -> dict[str, Signal]:
        until = decision.at + self._horizons[decision.task]
        subjects = (("user", decision.user), ("session", decision.session), ("decision", decision.about))
        found: dict[str, Signal] = {}
        for subject in subjects:
            for name, known in self._signals.get(subject, {}).items():
                timely = bisect_left(known, until, key=lambda one: one.at)
                if timely:
                    found[name] = known[timely - 1]
        return found


def _moment(signal: Signal) -> tuple[float, str]:
    return signal.at, signal.id
