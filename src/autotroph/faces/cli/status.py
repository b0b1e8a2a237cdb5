"""`autotroph status`: one screen. Is it healthy, is it learning, what was it worth, what needs me."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, ledger_of

if TYPE_CHECKING:
    from autotroph.faces.underway import UnderWay
    from autotroph.observe.health import Health, Need
    from autotroph.spec import Spec
    from autotroph.store import Reader


@click.command(short_help="Healthy? Learning? Worth it? What needs me?")
@options.config
@options.as_json
def status(*, config: Path, as_json: bool) -> None:
    """One screen: is it healthy, is it learning, what was it worth, what needs me.

    With what came through the gateway, and what goes on just now: quiet hours, experiments by hand, what is
    on the ladder, and for how long its stage will last, as `autotroph plan` would foretell it.

    Only reads, so it works while the product runs. Leaves with 1 where the ledger's chain does not hold.
    """
    found, now, called = _health(config)
    if as_json:
        import msgspec

        told = {**msgspec.to_builtins(found), "under_way": msgspec.to_builtins(now)}
        options.emit({"healthy": found.healthy, **told})
    else:
        from autotroph.faces.terminal import carried, currently, screen

        asked = carried.carried(found.traffic, called)
        screen.show(screen.status(found, currently.under_way(now), asked))
    if not found.healthy:
        raise click.exceptions.Exit(1)


def _health(config: Path) -> tuple[Health, UnderWay, Mapping[str, str]]:
    """The product's health, what goes on just now, and what its call sites are called."""
    import msgspec

    from autotroph.clock import SystemClock
    from autotroph.faces import sites, wayback
    from autotroph.faces.underway import UnderWay, approvals
    from autotroph.observe.health import Need, health, unopened
    from autotroph.plan.applied import WAY_OUT, says, standing
    from autotroph.store import open_reader
    from autotroph.unattended import freezing, waiving

    spec, url = declared(config, strict=False), ledger_of(config, strict=False)
    place = url.removeprefix("sqlite:///")
    shown = _near(Path(place)) if place != url else url
    if place != url and not Path(place).exists():
        return unopened(spec, shown), UnderWay(), {}
    reader = open_reader(url)
    try:
        found = health(reader, spec, shown)
        if changes := standing(reader, spec).changes:
            unapplied = Need("measures", f"{says(changes)}: no cycle runs", WAY_OUT)
            found = msgspec.structs.replace(found, needs=(unapplied, *found.needs))
        now = SystemClock("").now()
        waits = (*freezing.needs(reader, spec, now), *waiving.needs(reader, spec, now))
        switch = wayback.place(spec, reader)
        held = (*_refused(config), *_pulled(switch))
        current = _under_way(reader, spec, now, switch)
        asks = (*held, *waits, *approvals(current), *found.needs, *waiving.unjudged(reader, spec))
        called = sites.names(reader, (line.task for line in found.traffic.lines))
        return msgspec.structs.replace(found, killswitch=str(switch or ""), needs=asks), current, called
    finally:
        reader.close()


def _under_way(reader: Reader, spec: Spec, now: float, switch: Path | None) -> UnderWay:
    from functools import cache

    from autotroph.faces.underway import under_way
    from autotroph.plan.ahead import ahead

    foretell = cache(lambda task: ahead(reader, spec, task))
    pulled = switch is not None and switch.exists()
    return under_way(reader, spec, now, pulled=pulled, foretell=foretell)


def _refused(config: Path) -> Iterator[Need]:
    from autotroph.faces.lastgood import usable
    from autotroph.observe.health import Need

    found, why = usable(config)
    if why:
        what = f"{why}. A server that starts now serves what was declared before: {found.file}"
        yield Need("declaration", what, "mend the file")


def _pulled(switch: Path | None) -> Iterator[Need]:
    from autotroph.observe.health import Need

    if switch is not None and switch.exists():
        what = "is pulled: what serves was taken back, and nothing advances"
        yield Need("kill switch", what, f"rm {switch}, to go on from what serves now")


def _near(path: Path) -> str:
    """A path as one would type it from here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
