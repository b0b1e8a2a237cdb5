"""A product's ledger for reading, or the whole product, for the commands that need one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autotroph.errors import InputError, Occupied, SpecError
from autotroph.faces.located import located, override

if TYPE_CHECKING:
    from autotroph.faces.library import Product
    from autotroph.spec import Spec
    from autotroph.store import Reader


def declared(config: Path, *, strict: bool = True) -> Spec:
    """The checked declaration; where it is wrong and need not be right, that of before."""
    from autotroph import registry  # imported when used: start-up is felt
    from autotroph.spec import load

    if strict:
        return load(config, tracks=registry.known("tracks"))
    from autotroph.faces import lastgood

    return lastgood.usable(config)[0].spec


def ledger_of(config: Path, *, strict: bool = True) -> str:
    """The ledger of a product; no more of the declaration is read, so one that is wrong does not hide it."""
    if url := override():
        return url
    if not strict:
        return located(declared(config, strict=False).product.store, config.parent)
    import tomllib

    try:
        product = tomllib.loads(config.read_bytes().decode("utf-8-sig")).get("product", {})
        url = product.get("store", _DEFAULT)
    except FileNotFoundError:
        raise SpecError(f"{config}:1: no such file; `autotroph init` writes one that works") from None
    except (OSError, ValueError, AttributeError):
        url = declared(config).product.store  # says what is wrong, with the line
    return located(url if isinstance(url, str) else _DEFAULT, config.parent)


_DEFAULT = "sqlite:///.autotroph/ledger.db"


def reader_of(config: Path, *, strict: bool = True) -> Reader:
    """The ledger of a product, for reading while others write."""
    from autotroph.store import open_reader

    return open_reader(ledger_of(config, strict=strict))


def opened(config: Path, instead: str, *, strict: bool = True) -> Product:
    """The product, open for writing.

    Args:
        config: its declaration.
        instead: what to call in the process that has the ledger open, if one does; empty for `serve`.
        strict: whether the declaration has to be right; else that of before will do.
    """
    import autotroph
    from autotroph.store import open_store

    if strict:
        declared(config)
    try:
        url = override()
        return autotroph.open(config, strict=strict, **({"store": open_store(url)} if url else {}))
    except Occupied as error:
        served = "Is it served already? Ask that server, or stop it first"
        way_out = f"Where the product runs, call {instead}" if instead else served
        raise Occupied(f"{error}. {way_out}") from error


def refuse_local(spec: Spec, instead: str = "product.cycle()") -> None:
    """A model that lives in the product's process cannot be asked from here, and nothing may stand in.

    Args:
        spec: the declaration.
        instead: what to call in that process.
    """
    for name, task in spec.tasks.items():
        for variant in task.variants.values():
            model = spec.models.get(variant.model)
            if model is not None and model.kind == "local":
                raise InputError(
                    f"task {name!r} is answered by the model {variant.model!r} of kind {model.kind!r}, which"
                    f" answers only in the product's own process: call {instead} there"
                )
