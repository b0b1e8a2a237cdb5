"""The hash chain over everything that changes behaviour: candidates, releases, stages, verdicts, journal.

The rows of these tables are one chain, in the order of the ledger. A link is

    hash = SHA-256(hash of the link before, table, sequence, digest of the row)

and the ledger keeps the newest hash and the number of links in its `head`. So an edit, a deletion, a
reorder and a cut-off end are found. Somebody who can write the file can also forge a whole new chain, or
cut off its end and forge the head: who kept an earlier head somewhere else (an anchor) finds that too.

    _, links, hash_ = head(reader)                # print it, mail it, put it into another system
    verify(reader, anchor=(links, hash_))         # later
"""

from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from heapq import merge
from operator import itemgetter

from autotroph.errors import LedgerError, TamperedLedger
from autotroph.records import CHAINED
from autotroph.store.codec import TABLES, row_digest
from autotroph.store.protocols import Reader, SqlValue

GENESIS = "0" * 64
"""What the first link is linked to."""

LINKING = ("sequence", "previous", "body_digest", "hash")
PAGE = 2000

_SIZES = ["\0" * 7 + chr(size) for size in range(128)]
"""What stands before a part, so that no two lists of parts are one text: its length in eight bytes."""

Cells = tuple[SqlValue, ...]
Found = tuple[int, str, Cells, str]
"""A row: sequence, table, its linking columns, and the digest of the others."""

BEGINNING: Found = (0, "the beginning", (), "")


def link(previous: str, table: str, sequence: int, body_digest: str) -> str:
    """The hash of a link; it is `clock.digest` of the four.

    >>> from autotroph.clock import digest
    >>> link(GENESIS, "journal", 1, GENESIS) == digest(GENESIS, "journal", "1", GENESIS)
    True
    """
    number = str(sequence)
    parts = (
        f"{_SIZES[len(previous)]}{previous}{_SIZES[len(table)]}{table}"
        f"{_SIZES[len(number)]}{number}{_SIZES[len(body_digest)]}{body_digest}"
    )
    return sha256(parts.encode()).hexdigest()


def head(reader: Reader) -> tuple[int, int, str]:
    """Where the ledger stands: its last sequence, the number of links, and the hash of the newest.

    The last two are an anchor: kept somewhere else, they tell a chain that went on from another one.
    """
    rows = reader.query("SELECT sequence, links, hash FROM head").rows
    match rows:
        case ((int(last), int(links), str(newest)),):
            return last, links, newest
        case _:
            raise TamperedLedger(f"the ledger's head is gone; {_WAY_OUT}")


def verify(reader: Reader, anchor: tuple[int, str] = (0, GENESIS)) -> int:
    """Follows the whole chain; the number of its links.

    Args:
        reader: of the ledger.
        anchor: number and hash of a link that was in the chain once, as `head` gave them then.

    Raises:
        TamperedLedger: it does not hold, or it is not the chain of the anchor; the message names the first
            row where that shows.
    """
    last, links, newest = head(reader)
    previous, count, before = GENESIS, 0, BEGINNING
    for found in merge(*(_rows(reader, TABLES[kind], last) for kind in CHAINED)):
        previous = _follow(previous, before, found)
        before, count = found, count + 1
        if count == anchor[0]:
            _anchored(anchor, previous, before)
    if (count, previous) != (links, newest):
        raise TamperedLedger(
            f"the chain ends after {count} links, at {_place(before)}; the ledger recorded {links}: {_END}"
        )
    if count < anchor[0]:
        raise TamperedLedger(
            f"the chain ends after {count} links, at {_place(before)}; once it had {anchor[0]}: {_END}"
        )
    _nothing_beyond(reader)
    return count


_WAY_OUT = "restore a backup from before that, or find out who changed the file"
_END = f"rows were cut off, or the head was changed; {_WAY_OUT}"


def _anchored(anchor: tuple[int, str], hash_: str, at: Found) -> None:
    links, kept = anchor
    if hash_ != kept:
        raise TamperedLedger(
            f"link {links}, at {_place(at)}, is not the one that was there once: the chain was written anew;"
            f" {_WAY_OUT}"
        )


def _place(found: Found) -> str:
    return f"{found[1]} {found[0] or ''}".rstrip()


def _nothing_beyond(reader: Reader) -> None:
    """Rows that the writer never gave a number; it may go on writing meanwhile, so the head comes last."""
    tables = [TABLES[kind] for kind in CHAINED]
    ends = [reader.query(f"SELECT max(sequence) FROM {table}").rows[0][0] for table in tables]
    last, _, _ = head(reader)
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
        if not page.rows:
            return
        linking, names, body = _parts(page.columns)
        for row in page.rows:
            cells = linking(row)
            after = _whole(cells[0])
            yield after, table, cells, row_digest(dict(zip(names, body(row), strict=True)))
        if len(page.rows) < PAGE:
            return


@cache
def _parts(
    columns: tuple[str, ...],
) -> tuple[Callable[[Cells], Cells], tuple[str, ...], Callable[[Cells], Cells]]:
    """What takes the linking columns out of a row, the names of the others, and what takes those out."""
    if missing := set(LINKING).difference(columns):
        raise TamperedLedger(f"a table of the chain has lost its columns {sorted(missing)}; {_WAY_OUT}")
    names = tuple(name for name in columns if name not in LINKING)
    here = [columns.index(name) for name in LINKING]
    return itemgetter(*here), names, itemgetter(*map(columns.index, names))


def _whole(sequence: SqlValue) -> int:
    if not isinstance(sequence, int):
        raise LedgerError(f"a sequence is {sequence!r}, not a whole number")
    return sequence


def _follow(previous: str, before: Found, found: Found) -> str:
    sequence, table, (_, linked, recorded, hash_), body_digest = found
    if body_digest != recorded:
        raise TamperedLedger(f"{_place(found)} was edited: its digest does not fit its columns; {_WAY_OUT}")
    if linked != previous:
        between = f"between {_place(before)} and {_place(found)}"
        raise TamperedLedger(f"{between} rows were deleted, added or reordered; {_WAY_OUT}")
    now = link(previous, table, sequence, body_digest)
    if hash_ != now:
        raise TamperedLedger(f"{_place(found)} was edited or moved: its hash does not fit; {_WAY_OUT}")
    return now
