"""`autotroph serve`: the product over HTTP, with its cycles in the background."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, closing, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.errors import InputError
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import ledger_of, opened

if TYPE_CHECKING:
    from autotroph.unattended.background import Pace

NEVER = "never"


@click.command(short_help="Serve the product over HTTP.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4780, show_default=True, help="0 takes any that is free."
)
@click.option(
    "--cycle-every",
    default="",
    help="How long between two cycles in the background, such as 10m; or never.  [default: as [run] says]",
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    help="A name by which the server may be asked besides localhost; can be said several times.",
)
@click.option(
    "--grace",
    default="6s",
    show_default=True,
    help="How long answers under way have to end when it is told to stop, such as 25s.",
)
@click.option(
    "--upstream",
    default="",
    help="Base URL of an OpenAI-compatible upstream: no declaration is needed, whatever is asked is passed on"
    " and recorded.",
)
@click.option(
    "--upstream-kind",
    type=click.Choice(["openai", "anthropic"]),
    default="openai",
    show_default=True,
    help="What the upstream speaks.",
)
@click.option(
    "--upstream-key",
    default="",
    help="Its key, by reference: env:NAME or file:PATH.  [default: env:OPENAI_API_KEY, if that is set]",
)
@options.strict
@options.config
@options.as_json
def serve(  # noqa: PLR0913 - one an option
    *,
    host: str,
    port: int,
    cycle_every: str,
    names: tuple[str, ...],
    grace: str,
    upstream: str,
    upstream_kind: str,
    upstream_key: str,
    strict: bool,
    config: Path,
    as_json: bool,
) -> None:
    """Serve the product over HTTP until SIGTERM, SIGHUP or Ctrl-C, and go round the loop in the background.

    Point any OpenAI client at the address with /v1 behind it. With --upstream no declaration is needed to
    begin: autotroph init --from-traffic proposes one out of what was asked.

    A socket that systemd hands over (LISTEN_FDS) is served instead of --host and --port, and whoever asks
    while it is started again waits. Told to stop, it takes nothing new and lets answers under way end, for as
    long as --grace says; what has not ended by then ends in an error, as with a second signal.

    Prints the address with a token that opens everything, once it is ready. AUTOTROPH_API_KEY sets the
    token. Listening on another address than the loopback takes a key: autotroph keys create.
    """
    from autotroph.clock import SystemClock
    from autotroph.faces.http.listening import BACKLOG, handed_over, listen
    from autotroph.govern.keys import VARIABLE, Keys, keys_file, start_token

    if upstream:
        from autotroph.faces.beginning import begun

        config = begun(config, upstream, upstream_kind, upstream_key, os.environ)
    every, seconds = _pace(cycle_every), _seconds("--grace", grace)
    clock, token = SystemClock(""), start_token(os.environ)
    keys = Keys(keys_file(ledger_of(config, strict=strict)), clock, token)
    handed = handed_over(os.environ)
    if handed is not None:
        host, port = handed.getsockname()[:2]
    if not _is_loopback(host):
        _check_open(host, any(one.state(clock.now()) == "open" for one in keys.list()))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with ExitStack() as stack:
        held = stack.enter_context(closing(handed or listen(host, port)))
        held.listen(BACKLOG)  # whoever asks from now on waits until it is ready
        product = stack.enter_context(opened(config, "", strict=strict))
        from autotroph.faces.http.server import Address, Site  # felt: a wrong call is answered without it

        address = Address(host=host, port=port, names=names, held=held)
        site = Site(product, keys, address, every=every, grace=seconds)
        shown = "" if os.environ.get(VARIABLE) else token
        site.run(lambda address: _tell(address.url, shown, begins=bool(upstream), as_json=as_json))


def _pace(text: str) -> Pace:
    if not text:
        return "declared"
    if text == NEVER:
        return None
    every = _seconds("--cycle-every", text, f", or {NEVER}")
    if every < 1:
        raise InputError(f"--cycle-every {text!r}: at least 1s, or {NEVER}")
    return every


def _seconds(option: str, text: str, otherwise: str = "") -> float:
    from autotroph.spec.durations import Duration

    try:
        return float(Duration.read(text))
    except ValueError as error:
        raise InputError(f"{option} {text!r}: {error}{otherwise}") from None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _check_open(host: str, locked: bool) -> None:  # noqa: FBT001
    """Whoever can reach the address can ask; then there has to be somebody who is meant to."""
    if not locked:
        raise InputError(
            f"--host {host}: others could reach it, and there is no key for them; `autotroph keys create`"
            " makes one, and --host 127.0.0.1 is for this machine alone"
        )
    options.say(
        f"note: others can reach {host}, and nothing is encrypted; keep it behind something that does"
    )


def _tell(url: str, token: str, *, begins: bool, as_json: bool) -> None:
    """Where it is, and what opens it; a token that came from the environment is not repeated.

    Who begins is told what to change in a program, too.
    """
    with suppress(OSError):  # nobody reads it, or the disk of a log is full: people are served all the same
        if as_json:
            options.emit({"url": url, "token": token})
        else:
            options.say(f"{url}/?token={token}" if token else f"{url}/ (the token is AUTOTROPH_API_KEY)")
            if begins:
                options.say(f"an OpenAI client: base_url={url}/v1 api_key={token or '$AUTOTROPH_API_KEY'}")
