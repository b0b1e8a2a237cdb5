"""`autotroph doctor`: is the ledger whole, does the loop turn, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.errors import LedgerError
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, ledger_of
from autotroph.faces.located import PREFIX

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autotroph.observe.doctor import Finding
    from autotroph.spec import Spec
    from autotroph.store import Reader


@click.command(short_help="Is it whole, does it turn, and what is to be done.")
@click.option(
    "--static-days",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="After so many days without a promotion a task stands still.",
)
@options.config
@options.as_json
def doctor(*, static_days: float, config: Path, as_json: bool) -> None:
    """Look at the ledger and at the loop, and say what to do.

    Only reads, so it works while the product runs, and on a damaged ledger. Leaves with 1 where the ledger
    cannot be trusted.
    """
    found = _examined(declared(config), ledger_of(config), static_days)
    whole = all(one.grade != "broken" for one in found)
    if as_json:
        import msgspec

        options.emit({"whole": whole, "findings": msgspec.to_builtins(found)})
    else:
        from autotroph.faces.terminal import screen

        screen.show(_screen(found))
    if not whole:
        raise click.exceptions.Exit(1)


def _examined(spec: Spec, url: str, static_days: float) -> list[Finding]:
    from autotroph.clock import SystemClock
    from autotroph.observe.doctor import examine, place_of, unreadable, unused
    from autotroph.store import open_reader

    path = Path(url.removeprefix(PREFIX)) if url.startswith(PREFIX) else None
    if path is not None and not path.exists():
        return unused(spec)
    try:
        reader = open_reader(url)
    except LedgerError as error:
        return unreadable(error)
    try:
        place = place_of(path) if path is not None else None
        now = SystemClock("").now()
        found = examine(reader, spec, now, static_days, place)
        found = [*_unapplied(reader, spec), *found, *_untrusted(reader, spec, now), *_switch(reader, spec)]
        return sorted(found, key=lambda one: one.grade == "fine")
    finally:
        reader.close()


def _switch(reader: Reader, spec: Spec) -> Iterator[Finding]:
    from autotroph.faces.wayback import place
    from autotroph.observe.findings import Finding, look

    path = place(spec, reader)
    if path is not None and path.exists():
        yield look("kill switch", f"{path} is pulled, so nothing advances", f"rm {path}, to go on")
    elif path is not None:
        yield Finding("kill switch", f"touch {path} takes back what serves", "", "fine")


def _untrusted(reader: Reader, spec: Spec, now: float) -> list[Finding]:
    from autotroph.observe.findings import broken, look
    from autotroph.unattended.waiving import needs, unjudged

    try:
        found = [*needs(reader, spec, now), *unjudged(reader, spec)]
    except LedgerError as error:  # a damaged ledger is examined as far as it goes
        return [broken("rewards", f"whether they earned trust could not be read: {error}", "see the others")]
    return [look(one.subject, one.what, one.way_out) for one in found]


def _unapplied(reader: Reader, spec: Spec) -> list[Finding]:
    from autotroph.observe.findings import broken, look
    from autotroph.plan.applied import WAY_OUT, says, standing

    try:
        changes = standing(reader, spec).changes
    except LedgerError as error:  # a damaged ledger is examined as far as it goes
        return [broken("measures", f"what is applied could not be read: {error}", "see the other findings")]
    return [look("measures", f"{says(changes)}: no cycle runs", WAY_OUT)] if changes else []


def _screen(found: Sequence[Finding]) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from autotroph.faces.terminal.screen import breadth

    rows = Table.grid(padding=(0, 1))
    wide = breadth((one.subject for one in found if one.grade != "fine"), 12)
    for width in (1, wide, None):
        rows.add_column(width=width, overflow="fold")
    for one in found:
        if one.grade != "fine":
            rows.add_row(_mark(one), Text(one.subject), Text(one.what))
            rows.add_row("", "", Text(f"→ {one.way_out}", "dim"))
    fine = ", ".join(one.subject for one in found if one.grade == "fine")
    parts: list[RenderableType] = [rows] if rows.row_count else []
    if fine:
        parts.append(Padding(Text.assemble(("✓ ", "green"), "fine: ", fine), (1 if parts else 0, 0, 0, 0)))
    return Group(*parts)


def _mark(finding: Finding) -> RenderableType:
    from rich.text import Text

    return Text("✗", "red") if finding.grade == "broken" else Text("!", "yellow")
