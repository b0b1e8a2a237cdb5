"""The files that a declaration names and that are part of it: prompts and schemas, read when it is opened.

What serves never reads them again: one that changes, or goes, while a product is open changes nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from autotroph.errors import SpecError
from autotroph.spec.lines import Path as Keys
from autotroph.spec.shape import Fault

if TYPE_CHECKING:
    from autotroph.spec.declaration import Declaration, Spec

LARGEST = 2**18
"""Bytes of a file."""

S = TypeVar("S", bound="Spec")


def named(spec: "Declaration") -> dict[str, Keys]:
    """The files that a declaration names, and the first key that names each."""
    found: dict[str, Keys] = {}
    for task, declared in spec.tasks.items():
        if declared.schema and isinstance(declared.schema, str):
            found.setdefault(declared.schema, ("tasks", task, "inputs"))
        for variant, one in declared.variants.items():
            if one.prompt:
                found.setdefault(one.prompt, ("tasks", task, "variants", variant, "prompt"))
    return found


def file_faults(spec: "Declaration") -> Iterator[Fault]:
    """Every fault of what names files; whether these are right is seen when they are read."""
    for task, declared in spec.tasks.items():
        for variant, one in declared.variants.items():
            if one.prompt and one.cascade:
                told = "a cascade asks its variants with theirs; give the prompt to them"
                yield Fault(("tasks", task, "variants", variant, "prompt"), told)


def read_files(spec: S) -> S:
    """The declaration with the texts of its files.

    Raises:
        SpecError: one is missing, is no text, or is too long.
    """
    folder, wanted = Path(spec.source).parent, named(spec)
    return replace(spec, files={name: _text(folder / name, keys) for name, keys in wanted.items()})


def _text(file: Path, keys: Keys) -> str:
    who = f"{'.'.join(keys)} names it"
    try:
        body = file.read_bytes()
    except FileNotFoundError:
        raise SpecError(f"{file}:1: no such file, and {who}") from None
    except (OSError, ValueError) as error:
        raise SpecError(f"{file}:1: cannot be read, and {who}: {error}") from None
    if len(body) > LARGEST:
        raise SpecError(f"{file}:1: {len(body):,} bytes; at most {LARGEST:,}, and {who}")
    try:
        return body.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{file}:{line}: not UTF-8; save the file as UTF-8") from None
