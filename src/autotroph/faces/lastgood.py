"""The declaration that was opened last: what serves when the file is blank, cut off, or another product's.

A copy of it lies in `.autotroph` beside the file, where it is found whatever the file has become, and beside
the ledger.
"""

import logging
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from autotroph import registry
from autotroph.errors import SpecError
from autotroph.faces.keeping import keep as keep_file
from autotroph.faces.located import PREFIX, located, override
from autotroph.spec import Spec, parse
from autotroph.spec.lines import line_of, lines_of
from autotroph.spec.reading import read
from autotroph.spec.sets import check_sets
from autotroph.store.opening import location

_LOG = logging.getLogger("autotroph.declaration")


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
    found = Declared(text, _parsed(text, path), path)
    check_sets(found.spec)
    return found


def last(path: Path) -> Declared | None:
    """What was declared when the file was opened last; None where that is not known."""
    url = override()
    for file in _copies(path, location(url) if url.startswith(PREFIX) else None):
        with suppress(SpecError):
            text = read(file)
            return Declared(text, _parsed(text, path), file)
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
            if not file.is_file() or file.read_bytes() != found.text.encode():
                keep_file(file, found.text.encode())
        except OSError as error:
            _LOG.warning("%s: what was declared could not be kept: %s", file, error.strerror)


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
            f"{_at(found, 'name')}: this was product {name!r} before, and its ledger is not that of"
            f" {product.name!r}; name another ledger in [product] store, or write was = {name!r} beside the"
            " name if it is only called otherwise now"
        )


def _refuse_swapped(found: Declared, before: Declared, path: Path) -> None:
    """What is another product's, cut off, or leads away from a history, is not found out by what serves."""
    refuse_other(found, before.spec.product.name)
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
            f"{_at(found, 'store')}: there is no ledger at {location(now)} yet, and this product has one at"
            f" {location(then)}; move it there (`autotroph backup`, then `restore`), or begin anew, with"
            " --strict"
        )


def _is_cut_off(now: str, then: str) -> bool:
    return now != then and then.startswith(now)


def _at(found: Declared, key: str) -> str:
    line = line_of(("product", key), lines_of(found.text))
    return f"{found.spec.source}:{line}: product.{key}"


def _copies(path: Path, ledger: Path | None) -> list[Path]:
    beside = path.absolute().parent / ".autotroph"
    folders = dict.fromkeys((beside, ledger.absolute().parent) if ledger is not None else (beside,))
    return [folder / f"{path.stem}.last-good.toml" for folder in folders]


def _parsed(text: str, path: Path) -> Spec:
    return parse(text, str(path), registry.known("tracks"))
