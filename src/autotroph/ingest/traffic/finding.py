"""Which signal is found how."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from autotroph.ingest.traffic.again import regenerated, rephrased
from autotroph.ingest.traffic.forms import misformed, mistooled
from autotroph.ingest.traffic.leaving import abandoned
from autotroph.ingest.traffic.quoting import edited
from autotroph.ingest.traffic.refusing import refused, truncated
from autotroph.ingest.traffic.turns import Noted, Turn
from autotroph.spec.traffic import Traffic

FINDERS: Mapping[Traffic, Callable[[Iterable[Turn], float], Iterator[Noted]]] = {
    "regenerate": regenerated,
    "rephrase": rephrased,
    "edit": edited,
    "schema error": misformed,
    "tool error": mistooled,
    "refusal": refused,
    "truncation": truncated,
    "abandonment": abandoned,
}


def noted(kind: Traffic, turns: Iterable[Turn], wait: float) -> list[Noted]:
    """The answers of which a signal is true, in the order in which they were asked for.

    Args:
        kind: what is looked for.
        turns: of one session or several; each conversation is looked at by itself.
        wait: seconds after an answer in which what comes next belongs to it.
    """
    return list(FINDERS[kind](turns, wait))
