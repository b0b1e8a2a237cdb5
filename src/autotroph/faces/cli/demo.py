"""`autotroph demo`: the loop turning on code that people really wrote."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import click

from autotroph.clock import digest
from autotroph.faces.cli import options
from autotroph.faces.cli.refusals import INTERRUPTED


@click.command(short_help="Watch the loop close on real code.")
@click.option(
    "--repo",
    type=click.Path(path_type=Path),
    help="A git repository, or a folder of source.  [default: the installed packages]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same run.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the ledger and the report go.  [default: demo/… in AUTOTROPH_HOME, or in .autotroph]",
)
@options.as_json
def demo(*, repo: Path | None, seed: int, folder: Path | None, as_json: bool) -> None:
    """Replay what people really wrote against a code completion product, and watch it learn.

    Interrupted, it continues where it was when it is run again.
    """
    from rich.console import Console

    place = folder or _folder(repo, seed)
    run_demo = import_module(
        "autotroph.demo.run"
    ).run_demo  # by name: the demonstration stands above the faces
    try:
        summary = run_demo(repo, seed, place, Console(stderr=as_json))
    except KeyboardInterrupt:
        options.say(f"\nstopped; what was done is in {place}: the same command again continues")
        raise click.exceptions.Exit(INTERRUPTED) from None
    if as_json:
        options.emit(summary)


def _folder(repo: Path | None, seed: int) -> Path:
    """A folder of its own for each input and seed."""
    home = Path(os.environ.get("AUTOTROPH_HOME") or ".autotroph")
    if repo is None:
        return home / "demo" / f"installed-{seed}"
    whole = repo.resolve()
    return home / "demo" / f"{whole.name or 'root'}-{digest(str(whole))[:6]}-{seed}"
