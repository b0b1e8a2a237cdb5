"""From text to a checked declaration, or to one SpecError that names line, key, choices and the way out."""

import os
import re
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec

from autotroph.errors import SpecError
from autotroph.spec.checks import check_faults
from autotroph.spec.declaration import Declaration, Spec
from autotroph.spec.files import read_files
from autotroph.spec.lines import line_of, lines_of
from autotroph.spec.namespaces import namespace_faults, spread, written
from autotroph.spec.shape import NAME, Fault, decode, shape_faults, value_faults

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")


def load(path: str | os.PathLike[str], tracks: Collection[str] | None = None) -> Spec:
    """Read and check a file, and those that it names.

    Args:
        path: where it is.
        tracks: the kinds of track that are known; None leaves them unchecked.
    """
    return read_files(parse(read(path), os.fspath(path), tracks))


def read(path: str | os.PathLike[str]) -> str:
    """The text of a file, unchecked.

    Raises:
        SpecError: there is none, or it cannot be read as text.
    """
    source = os.fspath(path)
    try:
        return Path(source).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SpecError(f"{source}:1: no such file; `autotroph init` writes one that works") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{source}:{line}: not UTF-8; save the file as UTF-8") from None
    except (OSError, ValueError) as error:
        raise SpecError(f"{source}:1: cannot be read: {error}") from None


def parse(text: str, source: str = "autotroph.toml", tracks: Collection[str] | None = None) -> Spec:
    r"""Check a declaration; of several faults the first in the file is raised.

    >>> parse('[product]\nname = "support"').ladder.holdback
    0.02
    >>> parse('[season]\nthesi = 1', "a.toml")
    Traceback (most recent call last):
    ...
    autotroph.errors.SpecError: a.toml:2: season.thesi: unknown key; known: thesis. Did you mean 'thesis'?
    """
    document = _document(text, source)
    place = _Place(text, source)
    place.refuse(value_faults(document))
    place.refuse(shape_faults(document, Declaration))
    declared = msgspec.convert(document, Declaration, dec_hook=decode)
    place.refuse(namespace_faults(declared))
    declaration = spread(declared)
    place.refuse(written(check_faults(declaration, tracks)))
    return Spec(**msgspec.structs.asdict(declaration), source=source)


def _document(text: str, source: str) -> dict[str, Any]:
    try:
        text.encode()
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = place[1] if place and place[1] else text.count("\n") + 1
        raise SpecError(f"{source}:{line}: not TOML: {_PLACE.sub('', str(error))}") from None
    except RecursionError:
        raise SpecError(f"{source}:1: nested too deeply") from None
    except ValueError as error:
        raise SpecError(f"{source}:1: not TOML: {error}") from None


class _Place:
    """A text that faults are found in."""

    def __init__(self, text: str, source: str) -> None:
        self._lines = lines_of(text)
        self._source = source

    def refuse(self, faults: Iterable[Fault]) -> None:
        """Raise the first of the faults, if there are any."""
        placed = [(line_of(fault.path, self._lines), fault) for fault in faults]
        if placed:
            line, fault = min(placed, key=_rank)
            raise SpecError(f"{self._source}:{line}: {_dotted(fault.path)}: {fault.message}")


def _rank(placed: tuple[int, Fault]) -> tuple[bool, int]:
    """By line; what is missing comes last, because a misspelt key is often why."""
    line, fault = placed
    return fault.message.startswith("missing"), line


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(part if NAME.fullmatch(part) and "." not in part else repr(part) for part in path)
