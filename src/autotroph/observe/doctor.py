"""An examination: of the ledger, and of the loop. Every finding says what to do."""

import shutil
from pathlib import Path

from autotroph.errors import InputError, LedgerError
from autotroph.observe.findings import Case, Check, Finding, Place, broken, look
from autotroph.observe.health import unopened
from autotroph.observe.idling import IDLING
from autotroph.observe.integrity import INTEGRITY, RESTORE
from autotroph.spec import Spec
from autotroph.store import Reader

__all__ = ["Finding", "examine", "place_of", "unreadable", "unused"]

STATIC_DAYS = 30.0
GRADES = ("broken", "look", "fine")


def examine(
    reader: Reader, spec: Spec, now: float, static_days: float = STATIC_DAYS, place: Place | None = None
) -> list[Finding]:
    """Looks at everything; what is broken comes first, then what a person should look at.

    Args:
        reader: of the ledger, which another process may be writing.
        spec: what is declared now.
        now: seconds since the epoch.
        static_days: after how many days without a promotion a task stands still.
        place: of the ledger's file; what is about files is left out without it.
    """
    case = Case(reader, spec, now, static_days, place)
    found = dict.fromkeys(one for check in (*INTEGRITY, *IDLING) for one in _found(check, case))
    return sorted(found, key=lambda one: GRADES.index(one.grade))


def unreadable(error: LedgerError) -> list[Finding]:
    """What there is to say of a ledger that does not open."""
    return [broken("ledger", str(error), RESTORE)]


def unused(spec: Spec) -> list[Finding]:
    """What there is to say of a product that is declared and was never opened."""
    return [look(need.subject, need.what, need.way_out) for need in unopened(spec).needs]


def place_of(ledger: Path) -> Place:
    """Where a ledger's file lies, and how much room there is."""
    return Place(ledger, ledger.stat().st_size, shutil.disk_usage(ledger.parent).free)


def _found(check: Check, case: Case) -> list[Finding]:
    try:
        return list(check.look(case)) or [Finding(check.subject, check.fine, "", "fine")]
    except (LedgerError, InputError) as error:  # a table or a page that is not there
        return [broken("ledger", f"could not be read: {error}", RESTORE)]
