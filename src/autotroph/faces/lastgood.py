"""The declaration that was opened last: what serves when the file is blank, cut off, or another product's.

A copy of it, and of the prompts and schemas that it names, lies in `.autotroph` beside the file, where it is
found whatever the file has become, and beside the ledger.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from autotroph import registry
from autotroph.errors import SpecError
from autotroph.faces.keeping import keep as keep_file
from autotroph.faces.located import PREFIX, located, override
from autotroph.prompts.checking import check_prompts
from autotroph.records import canonical
from autotroph.spec import Spec, parse
from autotroph.spec.files import named, read_files
from autotroph.spec.lines import line_of, lines_of
from autotroph.spec.reading import read
from autotroph.spec.sets import check_sets
from autotroph.store.opening import location

_LOG = logging.getLogger("autotroph.declaration")

FOLDER = ".autotroph"


class Declared(NamedTuple):
    """A declaration and its text; `file` is the copy that it was read from."""

    text: str
    spec: Spec
    file: Path


def declared(path: Path) -> Declared:
    """What a file declares.

    Raises:
        SpecError: it is wrong.
    """
    text = read(path)
    found = Declared(text, read_files(_parsed(text, path)), path)
    check_sets(found.spec)
    check_prompts(found.spec)
    return found


def last(path: Path) -> Declared | None:
    """What was declared when the file was opened last; None where that is not known."""
    url = override()
    for file in _copies(path, location(url) if url.startswith(PREFIX) else None):
        with suppress(SpecError):
            text = read(file)
            return Declared(text, _with_files(_parsed(text, path), file), file)
    return None


def usable(path: Path) -> tuple[Declared, str]:
    """What a file declares, or, where that cannot be opened in place of what was, what it declared last.

    Returns:
        the declaration, and why it is not what the file says; empty where it is.

    Raises:
        SpecError: it is wrong, and nothing was opened before.
    """
    before = last(path)
    try:
        found = declared(path)
        if before is not None:
            _refuse_swapped(found, before, path)
    except SpecError as error:
        if before is None:
            raise
        return before, str(error)
    return found, ""


def keep(path: Path, found: Declared, ledger: Path | None) -> None:
    """Keep a declaration that was opened; where nothing can be written, it goes without."""
    for file in _copies(path, ledger):
        try:
            _keep(_beside(file), canonical(found.spec.files) if found.spec.files else b"")
            _keep(file, found.text.encode())
        except OSError as error:
            _LOG.warning("%s: what was declared could not be kept: %s", file, error.strerror)


def _keep(file: Path, body: bytes) -> None:
    if (file.read_bytes() if file.is_file() else b"") != body:
        keep_file(file, body)


def _with_files(spec: Spec, file: Path) -> Spec:
    """A declaration that was kept, with the texts of its files as they were then.

    Raises:
        SpecError: they were not kept.
    """
    wanted, kept = named(spec), _beside(file)
    try:
        texts = _TEXTS.decode(kept.read_bytes()) if wanted else {}
    except (OSError, msgspec.DecodeError) as error:
        raise SpecError(f"{kept}:1: what the declaration named is not there any more: {error}") from None
    if lost := [name for name in wanted if name not in texts]:
        raise SpecError(f"{kept}:1: {lost[0]} was not kept with the declaration")
    return replace(spec, files={name: texts[name] for name in wanted})


_TEXTS = msgspec.json.Decoder(dict[str, str])


def _beside(file: Path) -> Path:
    return file.with_suffix(".files.json")


def refuse_other(found: Declared, name: str) -> None:
    """A ledger, or a file, is one product's.

    Args:
        found: what is declared.
        name: of the product whose it is.

    Raises:
        SpecError: it is of another name.
    """
    product = found.spec.product
    if name not in (product.name, product.was):
        raise SpecError(
            f"{_at(found, 'product', 'name')}: this was product {name!r} before, and its ledger is not that"
            f" of {product.name!r}; name another ledger in [product] store, or write was = {name!r} beside"
            " the name if it is only called otherwise now"
        )


def refuse_dealt_again(found: Declared, units: Mapping[str, str]) -> None:
    """Who meets what is drawn by the unit of a task; by another one, everybody would be dealt out again.

    Args:
        found: what is declared.
        units: by task, what it was dealt out by.

    Raises:
        SpecError: it is another one.
    """
    for name, unit in units.items():
        task = found.spec.tasks.get(name)
        if task is not None and task.unit != unit:
            raise SpecError(
                f"{_at(found, 'tasks', name, 'unit')}: was {unit!r} since its first decision, and everybody"
                f" would be dealt out again by {task.unit!r}; declare another task, by another name"
            )


def _refuse_swapped(found: Declared, before: Declared, path: Path) -> None:
    """What is another product's, cut off, or leads away from a history, is not found out by what serves."""
    refuse_other(found, before.spec.product.name)
    refuse_dealt_again(found, {name: task.unit for name, task in before.spec.tasks.items()})
    if _is_cut_off(found.text.rstrip(), before.text.rstrip()):
        last_line = found.text.count("\n") + 1
        raise SpecError(
            f"{found.spec.source}:{last_line}: ends in the middle of what it was before, so it may be cut"
            " off; end it with a line of its own, such as a remark, if that is all, or say --strict"
        )
    if override():
        return
    now, then = (located(one.spec.product.store, path.parent) for one in (found, before))
    lost = now.startswith(PREFIX) and then.startswith(PREFIX) and not location(now).exists()
    if now != then and lost and location(then).exists():
        raise SpecError(
            f"{_at(found, 'product', 'store')}: there is no ledger at {location(now)} yet, and this product"
            f" has one at {location(then)}; move it there (`autotroph backup`, then `restore`), or begin"
            " anew, with --strict"
        )


def _is_cut_off(now: str, then: str) -> bool:
    return now != then and then.startswith(now)


def _at(found: Declared, *keys: str) -> str:
    line = line_of(keys, lines_of(found.text))
    return f"{found.spec.source}:{line}: {'.'.join(keys)}"


def _copies(path: Path, ledger: Path | None) -> list[Path]:
    beside = path.absolute().parent
    if beside.name != FOLDER:  # what a product began with lies there itself
        beside /= FOLDER
    folders = dict.fromkeys((beside, ledger.absolute().parent) if ledger is not None else (beside,))
    return [folder / f"{path.stem}.last-good.toml" for folder in folders]


def _parsed(text: str, path: Path) -> Spec:
    return parse(text, str(path), registry.known("tracks"))
