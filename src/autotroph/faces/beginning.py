"""The declaration of a product that has none yet: what is asked is passed on to one upstream, and kept."""

import json
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from autotroph.errors import InputError
from autotroph.spec import ModelSpec, parse
from autotroph.spec.reading import read
from autotroph.spec.upstreams import CallSpec, base_fault
from autotroph.wire.secret import is_reference

FOLDER, FILE = ".autotroph", "upstream.toml"
KEY = "OPENAI_API_KEY"
"""Where the upstream's key is looked for if nobody says."""

MODEL = "upstream"

_TEXT = """\
# Written by `autotroph serve --upstream`. `autotroph init --from-traffic` proposes an autotroph.toml out of
# what was recorded; once there is one, this file is not read any more.

[product]
name = {name}
store = "sqlite:///ledger.db"
upstream = "{model}"

[models.{model}]
kind = {kind}
base_url = {url}
{more}"""


def written(folder: Path) -> Path:
    """Where the declaration is that a product in a folder begins with."""
    return folder / FOLDER / FILE


def at(url: str) -> ModelSpec:
    """A model that answers at an address that somebody typed.

    Raises:
        InputError: it is no address.
    """
    if wrong := base_fault(url):
        raise InputError(f"--upstream: {_typed(wrong)}")
    return ModelSpec(kind="openai", base_url=url, calls=CallSpec(private=_is_private(url)))


def begun(config: Path, upstream: str, kind: str, key: str, environment: Mapping[str, str]) -> Path:
    """Write the declaration beside the ledger; where it is.

    Args:
        config: where the product's declaration would be, or the one that it began with.
        upstream: base URL, such as `https://llm.example.com/v1`.
        kind: what it speaks.
        key: reference to its key, `env:NAME` or `file:PATH`; empty: the usual variable, if it is set.
        environment: where that is looked for.

    Raises:
        InputError: the product has a declaration already, or the URL or the key cannot be one.
    """
    if wrong := base_fault(upstream):
        raise InputError(f"--upstream: {_typed(wrong)}")
    begins = config.parts[-2:] == (FOLDER, FILE)
    folder = config.parent.parent if begins else config.parent
    if (folder / "autotroph.toml").exists():
        raise InputError(
            f"--upstream is for a product without a declaration, and there is {folder / 'autotroph.toml'}:"
            ' declare it there, [models.NAME] with its base_url, and [product] upstream = "NAME"'
        )
    key = key or (f"env:{KEY}" if environment.get(KEY) else "")
    _check_key(key, environment)
    more = f"api_key = {json.dumps(key)}\n" if key else ""
    if _is_private(upstream):
        more += "calls = { private = true }\n"
    text = _TEXT.format(
        name=json.dumps(folder.resolve().name or "product"),
        model=MODEL,
        kind=json.dumps(kind),
        url=json.dumps(upstream),
        more=more,
    )
    target = written(folder)
    parse(text, str(target))
    _write(target, text)
    return target


def _typed(wrong: str) -> str:
    """What is wrong with an address, as of the command line and not of a file."""
    return wrong.replace('api_key = "env:NAME"', "--upstream-key env:NAME").replace('"', "")


def _check_key(key: str, environment: Mapping[str, str]) -> None:
    """Whoever has just typed a reference hears at once where it leads nowhere."""
    kind, _, name = key.partition(":")
    if key and not is_reference(key):
        raise InputError(
            "--upstream-key: by reference, env:NAME or file:PATH, never the key itself; if this was the key,"
            " replace it"
        )
    if kind == "env" and not environment.get(name):
        raise InputError(
            f"--upstream-key {key}: the environment has no {name}; set it, or leave the option out if the"
            " upstream wants no key"
        )


def _write(target: Path, text: str) -> None:
    if target.exists() and read(target) == text:
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None


def _is_private(url: str) -> bool:
    """Whether it is of this machine or this network by what it is called; whoever types that means it.

    >>> _is_private("http://127.0.0.1:11434/v1"), _is_private("https://api.example.com/v1")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host
