"""How much error the candidates of one task and season may spend together: online fallback.

The i-th candidate that enters the ladder is granted α_i = α·γ_i + whatever promoted candidates have freed
since the last grant. What a candidate that is not promoted had is spent. Then

    P(any candidate is promoted though it is not better) ≤ α,

for any number of candidates, whose tests may overlap in time and depend on each other, as long as the
evidence for a candidate is counted from its grant on (so that its test has level α_i given all before it).

Why, with overlap: look only up to the first wrong promotion. Until then only truly better candidates have
freed anything, and what one frees goes to exactly one other, so all the α ever granted to candidates that are
not better sums to at most α·Σγ ≤ α. Each of them is wrongly promoted with probability at most its α_i.

γ_i = i^-1.6/ζ(1.6). A sample size grows with log(1/α_i), so the tail should be fat, and the first few matter
most: the 20th candidate is granted α/276 where 6/(π²i²) grants α/658, for a first one at α/2.3 instead of
α/1.6; at α = .05 the first 20 then need log(1/α_i) of 7.2 on average instead of 7.7.

Sources: Tian & Ramdas 2021, "Online control of the familywise error rate" (online fallback); Wiens 2003.
"""

from dataclasses import dataclass, replace

from autotroph.errors import InputError
from autotroph.stats.betting import log_target

DECAY = 1.6
TOTAL = 2.2857657
"""ζ(1.6) = Σ i^-1.6, rounded up, so that the shares sum to just below 1."""


@dataclass(frozen=True, slots=True)
class AlphaLedger:
    """What was granted so far, in the order of the grants.

    Attributes:
        alpha: the family's α.
        grants: α_i of every candidate that entered, first to last.
        promoted: True, False, or None while undecided, for the same candidates.
        freed: α waiting for the next grant.
    """

    alpha: float
    grants: tuple[float, ...] = ()
    promoted: tuple[bool | None, ...] = ()
    freed: float = 0.0


def begin(alpha: float) -> AlphaLedger:
    """Open the ledger of a task's season.

    Raises:
        InputError: alpha is not strictly between 0 and 1.
    """
    log_target(alpha)
    return AlphaLedger(alpha)


def share(position: int) -> float:
    """γ of the candidate at a position, counted from 1; summable to 1.

    >>> [round(share(i), 4) for i in (1, 2, 8, 20)]
    [0.4375, 0.1443, 0.0157, 0.0036]
    """
    return float(position**-DECAY / TOTAL)


def grant(ledger: AlphaLedger) -> tuple[AlphaLedger, float]:
    """Let the next candidate enter; its index is `len(ledger.grants)` before, its level the second value.

    >>> ledger, first = grant(begin(0.05))
    >>> ledger, second = grant(settle(ledger, 0, promoted=True))    # inherits what the first had
    >>> f"{first:.4f} {second:.4f}"
    '0.0219 0.0291'
    """
    level = ledger.alpha * share(len(ledger.grants) + 1) + ledger.freed
    grants, promoted = (*ledger.grants, level), (*ledger.promoted, None)
    return replace(ledger, grants=grants, promoted=promoted, freed=0.0), level


def settle(ledger: AlphaLedger, index: int, *, promoted: bool) -> AlphaLedger:
    """Close a candidate's test; a promotion frees its α for the NEXT one granted, never for one under way.

    >>> ledger, _ = grant(grant(begin(0.05))[0])
    >>> settle(settle(ledger, 1, promoted=False), 0, promoted=True).freed == ledger.grants[0]
    True

    Raises:
        InputError: no such candidate, or it is settled already.
    """
    if not 0 <= index < len(ledger.grants):
        raise InputError(f"no candidate {index} in this ledger; {len(ledger.grants)} entered, counted from 0")
    if ledger.promoted[index] is not None:
        raise InputError(f"candidate {index} is settled already; a test is decided once")
    verdicts = (*ledger.promoted[:index], promoted, *ledger.promoted[index + 1 :])
    return replace(ledger, promoted=verdicts, freed=ledger.freed + promoted * ledger.grants[index])
