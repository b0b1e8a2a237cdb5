"""Can the ledger be trusted, and does it hold no more than was agreed to?"""

from collections.abc import Iterator

from autotroph.govern.redaction import Redactor
from autotroph.observe.findings import DAY, Case, Check, Finding, broken, counted, look
from autotroph.store.copying import AnySchema, damages

RESTORE = "autotroph restore BACKUP"
AHEAD = 300.0
"""Clocks may differ by so many seconds."""

ROOM = 10**9
"""A disk with less free is nearly full, and so is one that has no room for a backup of the ledger."""

IDS = 20_000
"""How many of the newest user ids are looked at."""

LATELY = 30 * DAY
ORPHANS = 0.05


def _file(case: Case) -> Iterator[Finding]:
    if case.place is None:
        return
    reader = AnySchema(case.place.ledger)
    try:
        for damage in damages(reader):
            yield broken("file", damage, RESTORE)
    finally:
        reader.close()


def _chain(case: Case) -> Iterator[Finding]:
    if fault := case.health.fault:
        yield broken("chain", fault, f"{RESTORE}, of a time before that; `autotroph audit verify` says more")


def _steps(case: Case) -> Iterator[Finding]:
    numbers = [number for (number,) in case.reader.query("SELECT number FROM steps ORDER BY number").rows]
    schema = int(case.reader.meta("schema") or 0)
    if numbers != list(range(1, schema + 1)):
        taken = ", ".join(map(str, numbers)) or "none"
        yield broken("steps", f"it says schema {schema}, and took these steps: {taken}", RESTORE)


_TWICE = """
SELECT count(*) FROM (
  SELECT lag(sequence) OVER before IS NOT NULL
         AND value IS lag(value) OVER before AND clipped = lag(clipped) OVER before AS same
  FROM rewards WHERE final = 1
  WINDOW before AS (PARTITION BY decision, name, version ORDER BY sequence)) WHERE same"""


def _rewards(case: Case) -> Iterator[Finding]:
    if twice := case.count(_TWICE):
        what = (
            f"{counted(twice, 'final value')} of a measure stored again, though no late signal has moved it"
        )
        yield broken("rewards", what, "a bug in autotroph: please report it, with what the journal says")


_UNFINISHED = """SELECT count(*) FROM decisions AS d
 WHERE d.at < ? AND NOT EXISTS (SELECT 1 FROM completions AS f WHERE f.decision = d.id)"""


def _completions(case: Case) -> Iterator[Finding]:
    if unfinished := case.count(_UNFINISHED, (case.now - DAY,)):
        what = f"{counted(unfinished, 'decision')} of more than a day ago never came to an end"
        way_out = (
            "autotroph sql \"SELECT id, task, datetime(at, 'unixepoch') FROM decisions"
            ' WHERE id NOT IN (SELECT decision FROM completions)"'
        )
        yield look("completions", what, way_out)


def _times(case: Case) -> Iterator[Finding]:
    for table in ("decisions", "signals"):
        sql = f"SELECT count(*) AS n, max(at) AS last FROM {table} WHERE at > ?"
        ((number, last),) = case.reader.query(sql, (case.now + AHEAD,)).rows
        if isinstance(number, int) and number and isinstance(last, float):
            hours = (last - case.now) / 3600.0
            what = f"{counted(number, table[:-1])} of the future, by up to {hours:,.1f} hours"
            yield look("times", what, "set the clock of whoever sends them; rewards wait until then")


def _disk(case: Case) -> Iterator[Finding]:
    place = case.place
    if place is not None and place.free < max(ROOM, place.bytes):
        what = f"{_size(place.free)} are free, and the ledger has {_size(place.bytes)}"
        yield look("disk", what, f"make room on the disk of {place.ledger.parent}")


def _largest(case: Case) -> Iterator[Finding]:
    largest, size = int(case.spec.retention.largest), case.reader.size()
    if largest and size > largest:
        what = f"the ledger has {_size(size)}; {_size(largest)} are declared as its largest"
        yield look("size", what, "autotroph cycle lets the oldest go; or raise [retention] largest")


def _leftovers(case: Case) -> Iterator[Finding]:
    """A ledger that was put aside still holds whoever is erased from the present one."""
    if case.place is None:
        return
    ledger = case.place.ledger
    for path in sorted(ledger.parent.glob(f"{ledger.name}.before-*")):
        what = f"{path.name} was put aside by `autotroph restore`; erasures do not reach it"
        yield look("put aside", what, f"when it is needed no longer: rm {path}")
    for path in ledger.parent.glob(f".{ledger.name}.restoring"):
        yield look("put aside", f"{path.name} was left by a restoration that was cut short", f"rm -r {path}")


def _retention(case: Case) -> Iterator[Finding]:
    known = case.spec.retention_classes
    sql = """SELECT retention, count(*) FROM (SELECT retention FROM decisions
             UNION ALL SELECT retention FROM signals) GROUP BY retention ORDER BY retention"""
    for name, number in case.reader.query(sql).rows:
        class_ = str(name)
        if class_ not in known and isinstance(number, int):
            what = f"{counted(number, 'row')} of the class {class_!r}, which is not declared: kept for ever"
            yield look("retention", what, f'[retention] classes = {{ {class_} = "400d" }}')


_IDS = """SELECT user FROM (SELECT user, max(sequence) AS last FROM (
            SELECT user, sequence FROM decisions WHERE user <> ''
            UNION ALL SELECT user, sequence FROM signals WHERE user <> ''
            UNION ALL SELECT subject, sequence FROM signals WHERE about = 'user')
           GROUP BY user) ORDER BY last DESC LIMIT ?"""


def _pseudonyms(case: Case) -> Iterator[Finding]:
    for kind, noun in (("email", "an e-mail address"), ("phone", "a telephone number")):
        redactor = Redactor((kind,), {})
        ids = (str(id_) for (id_,) in case.reader.query(_IDS, (IDS,)).rows)
        if number := sum(redactor.text(id_) != id_ for id_ in ids):
            what = f"{counted(number, 'user id')} that look like {noun}"
            way_out = "send a pseudonym instead, such as a keyed hash; then `autotroph erase` those"
            yield look("users", what, way_out)


def _unrecorded(case: Case) -> Iterator[Finding]:
    sql = """SELECT sum(details ->> 'decisions') FROM journal
              WHERE event = 'decisions unrecorded' AND at > ?"""
    if missed := case.count(sql, (case.now - LATELY,)):
        what = f"{counted(missed, 'decision')} of the last 30 days were answered and not recorded"
        way_out = 'look at the disk, or declare [product] on_store_failure = "refuse"'
        yield look("unrecorded", what, way_out)


def _scrub(case: Case) -> Iterator[Finding]:
    if case.reader.meta("scrub"):
        what = "rows were removed, and their bytes may still be in the files"
        yield look("erasures", what, "autotroph cycle, once nobody else reads the ledger")


_SHARE = """SELECT count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM decisions AS d WHERE d.id = s.subject)),
                  count(*) FROM signals AS s WHERE s.about = 'decision'"""


def _orphans(case: Case) -> Iterator[Finding]:
    ((orphans, signals),) = case.reader.query(_SHARE).rows
    if isinstance(orphans, int) and isinstance(signals, int) and orphans > ORPHANS * signals:
        what = f"{orphans:,} of {counted(signals, 'signal')} are about decisions that are not here"
        yield look("signals", what, "send the id that product.decide(…) gave")


def _size(number: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"


INTEGRITY: tuple[Check, ...] = (
    Check("file", "every page, index and reference holds", _file),
    Check("chain", "holds from the first row on", _chain),
    Check("steps", "the schema was reached without a gap", _steps),
    Check("rewards", "each final value is stored once", _rewards),
    Check("completions", "every decision came to an end", _completions),
    Check("times", "nothing is of the future", _times),
    Check("disk", "there is room", _disk),
    Check("size", "no larger than declared", _largest),
    Check("put aside", "no other ledger lies about", _leftovers),
    Check("retention", "every row is of a declared class", _retention),
    Check("users", "ids are pseudonyms", _pseudonyms),
    Check("unrecorded", "every decision of late was recorded", _unrecorded),
    Check("erasures", "complete", _scrub),
    Check("signals", "they find their decisions", _orphans),
)
