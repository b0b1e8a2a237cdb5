"""The hash chain over everything that changes behaviour: candidates, releases, stages, verdicts, journal.

The rows of these tables are one chain, in the order of the ledger. A link is

    hash = SHA-256(hash of the link before, table, sequence, digest of the row)

and the ledger keeps the newest hash and the number of links in its `head`. So an edit, a deletion, a
reorder and a cut-off end are found. Somebody who can write the file can also forge a whole new chain:
against that, keep the head somewhere else (`autotroph sql "SELECT * FROM head"`).
"""

from collections.abc import Iterator
from heapq import merge

from autotroph.clock import digest
from autotroph.errors import LedgerError, TamperedLedger
from autotroph.records import CHAINED
from autotroph.store.codec import TABLES, row_digest
from autotroph.store.protocols import Reader, SqlValue

GENESIS = "0" * 64
"""What the first link is linked to."""

LINKING = ("previous", "body_digest", "hash")
PAGE = 2000

Found = tuple[int, str, dict[str, SqlValue]]


def link(previous: str, table: str, sequence: int, body_digest: str) -> str:
    """The hash of a link.

    >>> link(GENESIS, "journal", 1, "") == link(GENESIS, "journal", 1, "")
    True
    """
    return digest(previous, table, str(sequence), body_digest)


def verify(reader: Reader) -> int:
    """Follows the whole chain; the number of its links.

    Raises:
        TamperedLedger: it does not hold; the message names the first row where that shows.
    """
    last, links, head = _head(reader)
    previous, count, before = GENESIS, 0, "the beginning"
    tables = (_rows(reader, TABLES[kind], last) for kind in CHAINED)
    for sequence, table, row in merge(*tables, key=lambda found: found[0]):
        previous = _follow(previous, before, (sequence, table, row))
        before = f"{table} {sequence}"
        count += 1
    if (count, previous) != (links, head):
        raise TamperedLedger(
            f"the chain ends after {count} links, at {before}; the ledger recorded {links}: {_END}"
        )
    _nothing_beyond(reader)
    return count


_WAY_OUT = "restore a backup from before that, or find out who changed the file"
_END = f"rows were cut off, or the head was changed; {_WAY_OUT}"


def _head(reader: Reader) -> tuple[int, int, str]:
    rows = reader.query("SELECT sequence, links, hash FROM head").rows
    match rows:
        case ((int(last), int(links), str(head)),):
            return last, links, head
        case _:
            raise TamperedLedger(f"the ledger's head is gone; {_WAY_OUT}")


def _nothing_beyond(reader: Reader) -> None:
    """Rows that the writer never gave a number; it may go on writing meanwhile, so the head comes last."""
    tables = [TABLES[kind] for kind in CHAINED]
    ends = [reader.query(f"SELECT max(sequence) FROM {table}").rows[0][0] for table in tables]
    last, _, _ = _head(reader)
    for table, end in zip(tables, ends, strict=True):
        if end is not None and (added := _whole(end)) > last:
            raise TamperedLedger(f"{table} {added} was added: the ledger ends at {last}; {_WAY_OUT}")


def _rows(reader: Reader, table: str, last: int) -> Iterator[Found]:
    after = 0
    while True:
        page = reader.query(
            f"SELECT * FROM {table} WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT {PAGE}",
            (after, last),
        )
        for row in page.dicts():
            after = _whole(row["sequence"])
            yield after, table, row
        if len(page.rows) < PAGE:
            return


def _whole(sequence: SqlValue) -> int:
    if not isinstance(sequence, int):
        raise LedgerError(f"a sequence is {sequence!r}, not a whole number")
    return sequence


def _follow(previous: str, before: str, found: Found) -> str:
    sequence, table, row = found
    body = {name: value for name, value in row.items() if name not in ("sequence", *LINKING)}
    where = f"{table} {sequence}"
    if row_digest(body) != row["body_digest"]:
        raise TamperedLedger(f"{where} was edited: its digest does not fit its columns; {_WAY_OUT}")
    if row["previous"] != previous:
        raise TamperedLedger(
            f"between {before} and {where} rows were deleted, added or reordered; {_WAY_OUT}"
        )
    hash_ = link(previous, table, sequence, str(row["body_digest"]))
    if row["hash"] != hash_:
        raise TamperedLedger(f"{where} was edited or moved: its hash does not fit; {_WAY_OUT}")
    return hash_
