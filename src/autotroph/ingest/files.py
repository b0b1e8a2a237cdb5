"""Files of history, row by row: JSONL and CSV (also gzipped, also from a pipe), and Parquet.

A row is a number and what was read: a document, or why it was refused. Memory holds a row or two, however
long the file is. Numbers stay the same from one reading to the next, so that one can go on after a row.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

import msgspec

from autotroph.errors import InputError, SourceError
from autotroph.ingest.reading import LIMITS, TooLarge, check_text, read_json
from autotroph.ingest.streams import Line, Unpacker, lines

FORMATS = ("jsonl", "csv", "parquet")
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
DELIMITERS = (",", ";", "\t", "|")
_CHUNK = 1 << 16
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class Refused(msgspec.Struct, frozen=True):
    """A row that cannot be read: why, and what stood there as far as it is known."""

    reason: str
    said: Any = None


Row = tuple[int, dict[str, Any] | Refused]
"""A row's number, from 1 on (in JSONL that of its line), and its document."""


class History(Protocol):
    """An open file of history.

    Attributes:
        columns: their names; empty where every row names its own.
        done: how much of it was read; `total`: how much there is, 0 where nobody knows.
    """

    columns: tuple[str, ...]
    done: int
    total: int

    def rows(self, after: int = 0) -> Iterator[Row]:
        """The rows whose number is greater than `after`; once.

        Raises:
            InputError: the file is damaged, so that nothing after it can be read.
        """

    def close(self) -> None:
        """Let go of the file."""


def open_history(source: Path | BinaryIO, form: str = "") -> History:
    """A file, or a stream such as stdin.

    Args:
        source: what to read.
        form: jsonl, csv or parquet; by the ending of the name if left out.

    Raises:
        SourceError: it cannot be opened, or its format is not known.
        InputError: its header is none.
    """
    form = form or _form_of(source)
    try:
        if form == "parquet":
            from autotroph.ingest.parquet import Parquet  # which knows this file's rows

            return Parquet(source)
        stream = source.open("rb") if isinstance(source, Path) else source
        total = source.stat().st_size if isinstance(source, Path) else 0
    except OSError as error:
        raise SourceError(f"{source} cannot be read: {error.strerror}") from None
    try:
        return Csv(stream, total) if form == "csv" else JsonLines(stream, total)
    except BaseException:
        stream.close()
        raise


def _form_of(source: Path | BinaryIO) -> str:
    if not isinstance(source, Path):
        raise SourceError(f"the format of a stream has to be named: one of {', '.join(FORMATS)}")
    suffix = Path(source.stem if source.suffix == ".gz" else source.name).suffix.lower()
    if suffix not in _SUFFIXES:
        raise SourceError(f"{source}: its name does not say the format; name one of {', '.join(FORMATS)}")
    return _SUFFIXES[suffix]


class _Stream:
    """What JSONL and CSV have in common: bytes, perhaps packed, perhaps after a byte order mark."""

    def __init__(self, stream: BinaryIO, total: int) -> None:
        self._stream = stream
        self.done, self.total = 0, total

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def _chunks(self) -> Iterator[bytes]:
        while chunk := self._stream.read(_CHUNK):
            self.done += len(chunk)
            yield chunk

    def _lines(self, *, blank: bool) -> Iterator[Line]:
        chunks = self._chunks()
        first = next(chunks, b"")
        unpacker = Unpacker("gzip" if first.startswith(_GZIP) else "identity", limit=None)
        for number, line in lines(_unpacked(unpacker, chain([first], chunks)), blank=blank):
            if number == 1 and isinstance(line, bytes):
                yield number, line.removeprefix(_BOM)
            else:
                yield number, line


def _unpacked(unpacker: Unpacker, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield from unpacker.feed(chunk)
    unpacker.flush()


class JsonLines(_Stream):
    """One JSON object a line."""

    columns: tuple[str, ...] = ()

    def rows(self, after: int = 0) -> Iterator[Row]:
        """The objects, by the number of their line."""
        for number, line in self._lines(blank=False):
            if number > after:
                yield number, _object(line)


def _object(line: bytes | TooLarge) -> dict[str, Any] | Refused:
    if isinstance(line, TooLarge):
        return Refused(str(line))
    try:
        found = read_json(line)
    except InputError as error:
        return Refused(str(error), line.decode(errors="replace"))
    return found if isinstance(found, dict) else Refused("an object was expected: {…}", found)


class Csv(_Stream):
    """Comma-separated values in UTF-8 under a header; also with semicolons, tabs or bars."""

    def __init__(self, stream: BinaryIO, total: int) -> None:
        super().__init__(stream, total)
        csv.field_size_limit(
            max(csv.field_size_limit(), LIMITS.size)
        )  # a prompt may be long; `_Record` watches
        self._record = _Record(self._lines(blank=True))
        delimiter = _delimiter(self._record.first())
        self._reader = csv.reader(self._record, delimiter=delimiter, strict=True)
        self.columns = self._header()

    def rows(self, after: int = 0) -> Iterator[Row]:
        """The rows below the header, from 1 on; texts, as they stand."""
        number = 0
        while (fields := self._next()) is not None:
            number += fields != []  # a blank line is no row
            if number > after and fields:
                yield number, fields if isinstance(fields, Refused) else self._row(fields)

    def _next(self) -> list[str] | Refused | None:
        self._record.begin()
        try:
            return next(self._reader, None)
        except (csv.Error, TooLarge, _NotUtf8) as error:
            return Refused(str(error), self._record.text)

    def _header(self) -> tuple[str, ...]:
        header = self._next()
        if header is None or header == []:
            raise InputError("the file is empty; its first line must name the columns")
        if isinstance(header, Refused):
            raise InputError(f"the header cannot be read: {header.reason}")
        names = [name.strip() for name in header]
        for place, name in enumerate(names):
            if not name or not name.isprintable():
                raise InputError(f"column {place + 1} of the header has no proper name: {name!r:.60}")
            if name in names[:place]:
                raise InputError(f"two columns are named {name!r:.60}; name one of them otherwise")
        return tuple(names)

    def _row(self, fields: Sequence[str]) -> dict[str, Any] | Refused:
        if len(fields) != len(self.columns):
            return Refused(f"{len(fields)} fields under {len(self.columns)} columns", list(fields))
        row = dict(zip(self.columns, fields, strict=True))
        try:
            for text in fields:
                check_text(text)
        except InputError as error:
            return Refused(str(error), row)
        return row


def _delimiter(header: str) -> str:
    """That which cuts the header into the most names.

    >>> _delimiter('id;"text, long";thumb')
    ';'
    """
    return max(DELIMITERS, key=lambda mark: _names(header, mark))


def _names(header: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=delimiter), []))
    except csv.Error:
        return 0


class _NotUtf8(InputError):
    """A line that is not UTF-8."""


class _Record:
    """The lines that a CSV reader asks for; of one record they may be many, but not without end."""

    def __init__(self, found: Iterator[Line]) -> None:
        self._found = found
        self._taken = bytearray()

    def first(self) -> str:
        """The first line, which comes again when the reader asks."""
        line = next(self._found, None)
        self._found = chain([line] if line else [], self._found)
        return line[1].decode(errors="replace") if line and isinstance(line[1], bytes) else ""

    def begin(self) -> None:
        """A record begins."""
        self._taken.clear()

    @property
    def text(self) -> str:
        """What the record consists of, as far as it was taken."""
        return self._taken.decode(errors="replace")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        number, line = next(self._found)
        if isinstance(line, TooLarge):
            raise line
        self._taken += line + b"\n"
        if len(self._taken) > LIMITS.size + 1:
            raise TooLarge(f"line {number}: a row of more than {LIMITS.size:,} bytes; is a quote not closed?")
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError as error:
            raise _NotUtf8(f"line {number}, byte {error.start}: not UTF-8; save the file as UTF-8") from None
