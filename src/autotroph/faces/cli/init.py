"""`autotroph init`: a declaration that works, with comments that say what to change."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from autotroph.errors import InputError
from autotroph.faces.cli.options import as_json, emit

if TYPE_CHECKING:
    from autotroph.spec import ModelSpec, ProductSpec, Spec

NEXT = """\
{path} is written. Three steps from here:

  1. Say in it what the product decides, and what comes back.

  2. Decide and signal in your own code:

       import autotroph
       product = autotroph.open("{path}")
       decision = product.decide("route", {{"text": "lost my card"}}, user="u42")
       product.signal(decision.id, "resolved", True)

  3. Go round every hour or so, and look:

       autotroph cycle{config}
       autotroph status{config}
"""


@click.command(short_help="Write a declaration that works.")
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option("--name", help="Of the product.  [default: the name of the folder]")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.option("--from-traffic", is_flag=True, help="Propose tasks out of the calls in the ledger.")
@click.option(
    "--upstream",
    default="",
    help="With --from-traffic: where the models answer, if they do no longer where `serve` found them.",
)
@as_json
def init(
    *, path: Path, name: str | None, force: bool, from_traffic: bool, upstream: str, as_json: bool
) -> None:
    """Write a commented autotroph.toml that works as it is.

    PATH is a folder, or a file that ends in .toml; here, if left out. A file that is there already is
    left alone.

    With --from-traffic the declaration is made of the calls that the ledger beside it holds, such as those
    that went through `autotroph serve --upstream`: a task for each call site, its model, the signals
    that calls give by themselves, and a reward made of them. For each task it says how many of the answers
    have a signal, how good they were, how much better they could be, and how many days a first proof would
    take.
    """
    target = path if path.suffix == ".toml" else path / "autotroph.toml"
    if from_traffic:
        _from_traffic(target, name, upstream, force=force, as_json=as_json)
        return
    if upstream:
        raise InputError("--upstream says where the models of --from-traffic answer; use both")
    from autotroph.spec import template

    _write(target, template(name or _folder(target)), force=force)
    if as_json:
        emit({"path": str(target)})
    else:
        config = "" if str(target) == "autotroph.toml" else f" --config {quote(str(target))}"
        click.echo(NEXT.format(path=target.as_posix(), config=config), nl=False)


def _from_traffic(target: Path, name: str | None, upstream: str, *, force: bool, as_json: bool) -> None:
    from autotroph.faces.located import located, override
    from autotroph.faces.terminal.drafts import said, screen
    from autotroph.plan.drafting import draft
    from autotroph.plan.surveying import survey
    from autotroph.store import open_reader

    before = _declared(target)
    product = _product(before, target, name)
    url = override() or located(product.store, target.parent)
    with closing(open_reader(url)) as reader:
        found = draft(survey(reader, agreed=True), product, _answering(before, upstream))
    _write(target, found.text, force=force)
    if as_json:
        emit({"path": str(target), **said(found)})
    else:
        from rich.console import Console

        Console().print(screen(found, target))


def _declared(target: Path) -> list[Spec]:
    """What the product is declared by up to now: the file that is there, and what it began with."""
    from autotroph.faces.beginning import written
    from autotroph.faces.cli.opening import declared

    return [declared(file) for file in (target, written(target.parent)) if file.is_file()]


def _product(before: list[Spec], target: Path, name: str | None) -> ProductSpec:
    """The product that is proposed: on the same ledger, which knows it by its name."""
    from msgspec.structs import replace

    from autotroph.spec import ProductSpec

    if not before:
        return ProductSpec(name=name or _folder(target))
    known = before[0].product
    store = known.store if Path(before[0].source) == target else ProductSpec(name="").store
    called = {"name": name, "was": known.name} if name and name != known.name else {}
    return replace(known, store=store, **called)


def _answering(before: list[Spec], upstream: str) -> ModelSpec | None:
    """Who has answered up to now, or does at the address that is given; None where nobody says."""
    from msgspec.structs import replace

    from autotroph.faces.beginning import at

    passing = (spec.models.get(spec.product.upstream) for spec in before)
    known = next((model for model in passing if model is not None and model.kind != "local"), None)
    if not upstream:
        return known
    typed = at(upstream)
    return replace(known, base_url=upstream, calls=typed.calls) if known else typed


def _folder(target: Path) -> str:
    return target.resolve().parent.name or "my-product"


def _write(target: Path, text: str, *, force: bool) -> None:
    from autotroph.spec import parse

    parse(text, str(target))
    try:
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True)
        with target.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        if target.is_file() and not force:
            raise InputError(f"{target}: is there already, and stays; --force overwrites it") from None
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
