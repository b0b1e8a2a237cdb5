"""What can be told of an answer nobody saw: what it says and costs, what was asked, what is known anyhow.

How long it took is not among it. Answers that nobody waits for are made in a cycle, and what is measured
there is not what somebody would have waited.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from autotroph.spec.expressions import ANSWER_COLUMNS

if TYPE_CHECKING:
    from autotroph.spec.declaration import SignalSpec

INPUTS = "inputs."

OF_THE_ANSWER = frozenset(ANSWER_COLUMNS) - {"latency_ms", "first_token_ms"}
"""The columns of an answer that are known whether somebody saw it or not."""


def unseen(names: Iterable[str], signals: "Mapping[str, SignalSpec]") -> bool:
    """Whether all of what an expression reads can be told of an answer that nobody saw.

    >>> unseen(["cost_usd", "inputs.plan"], {}), unseen(["latency_ms"], {})
    (True, False)
    """
    return not untold(names, signals)


def untold(names: Iterable[str], signals: "Mapping[str, SignalSpec]") -> list[str]:
    """What an expression reads that is known only of an answer that was served, sorted."""
    return sorted(
        name
        for name in names
        if name not in OF_THE_ANSWER
        and not name.startswith(INPUTS)
        and (name not in signals or signals[name].scores != "any")
    )
