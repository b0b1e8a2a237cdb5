"""Zeroes what nothing refers to any more inside the pages of a ledger.

`secure_delete` overwrites a row where it lies. But when a page of a b-tree is split or joined, copies of
rows that moved to another page stay behind, between the list of cells and the first of them, and are not
overwritten when the row is deleted where it is now. (Of 1,000 people with ten rows each, erasing 500 left
three of their ids in the file.) To SQLite those bytes mean nothing, so they can be zeroed in place, one page
at a time, while others read.
"""

from collections.abc import Iterator
from contextlib import closing

import apsw

CHUNK = 2**20
_KINDS = {2: 12, 5: 12, 10: 8, 13: 8}
"""The kinds of pages that hold cells, and how long their headers are (file format, section 1.6)."""


def sweep(connection: apsw.Connection) -> int:
    """Zeroes the unused middles of all pages; how many pages had something there.

    Only for the writer, between two transactions, when its log is empty: a page in the log would be moved
    over the one that was swept. The connection forgets what it remembers of the pages.

    Raises:
        apsw.Error: a page could not be read or written.
    """
    flags = [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE, 0]
    with closing(_Pages(apsw.VFSFile(connection.open_vfs, connection.filename, flags))) as pages:
        swept = 0
        for at, page in pages:
            if (clean := cleaned(page, 100 if at == 0 else 0)) is not None:
                pages.write(at, clean)
                swept += 1
    connection.pragma("shrink_memory")
    return swept


def cleaned(page: bytes, begins: int = 0) -> bytes | None:
    """A page with zeros in its unused middle; None where it is so already, or holds no cells.

    Args:
        page: all of it.
        begins: where its header begins: behind that of the file on the first page.
    """
    if page[begins] not in _KINDS:
        return None
    cells = int.from_bytes(page[begins + 3 : begins + 5], "big")
    first = int.from_bytes(page[begins + 5 : begins + 7], "big") or 65536
    end = begins + _KINDS[page[begins]] + 2 * cells
    unused = bytes(max(first - end, 0))
    if not end <= first <= len(page) or page[end:first] == unused:
        return None
    return page[:end] + unused + page[first:]


class _Pages:
    """The pages of a file, through SQLite's own handle, so that its locks stay as they are."""

    def __init__(self, file: apsw.VFSFile) -> None:
        self._file = file
        size = int.from_bytes(file.xRead(2, 16), "big") if file.xFileSize() else 0
        self._size = 65536 if size == 1 else size

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        end = self._file.xFileSize()
        for at in range(0, end, CHUNK):
            chunk = self._file.xRead(min(CHUNK, end - at), at)
            for place in range(0, len(chunk), self._size):
                yield at + place, chunk[place : place + self._size]

    def write(self, at: int, page: bytes) -> None:
        self._file.xWrite(page, at)

    def close(self) -> None:
        self._file.xSync(apsw.SQLITE_SYNC_FULL)
        self._file.xClose()
