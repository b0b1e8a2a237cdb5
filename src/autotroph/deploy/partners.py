"""Who is compared with whom where one arm is larger than the other: units that were first exposed together.

Pairs are made in the order of first exposure. Where one arm has many more units, its hundredth came long
before the hundredth of the other, and a base rate that drifts would look like a difference. So each unit of
ours takes the next of theirs that comes; who finds nobody soon is left out. What people did plays no part.
"""

from collections import deque
from collections.abc import Callable, Sequence

from autotroph.deploy.comparisons import Served

WAIT = 20
"""Units of ours that wait for one of theirs; the oldest gives up when there are more."""


def partners(
    served: Sequence[Served], ours: Callable[[Served], bool], theirs: Callable[[Served], bool]
) -> list[Served]:
    """The decisions of those units that have a partner, in both arms as many.

    Args:
        served: decisions, in ledger order.
        ours: whether a decision is one of ours.
        theirs: whether it is one of theirs; others are in neither arm.
    """
    seen, paired = set[str](), set[str]()
    waiting = deque[str](maxlen=WAIT)
    for one in served:
        if one.unit in seen:
            continue
        if ours(one):
            waiting.append(one.unit)
        elif not theirs(one):
            continue
        elif waiting:
            paired |= {waiting.popleft(), one.unit}
        seen.add(one.unit)
    return [one for one in served if one.unit in paired]
