"""docs/reference/cli.md, out of the commands themselves.

python -m autotroph.faces.cli.reference > docs/reference/cli.md
"""

import inspect
import sys
from collections.abc import Iterator

import click

from autotroph.faces.cli import cli

_HEAD = """\
# The command line

Generated from the commands: `python -m autotroph.faces.cli.reference > docs/reference/cli.md`.

`--json` is on every command: the last line of stdout is then one object, and whatever else there is to say
goes to stderr, so that streams compose with pipes. `-h` and `--help` explain any command; `--version` says
which autotroph this is.

| exit code | meaning |
|---|---|
| 0 | all is well |
| 1 | something is wrong: the ledger does not open or hold, rows were refused, something was rolled back |
| 2 | the call or the declaration is wrong |
| 130 | interrupted |

| environment | meaning |
|---|---|
| `AUTOTROPH_DATABASE_URL` | the ledger, instead of the one that `[product] store` declares |
| `AUTOTROPH_API_KEY` | the token of `serve`, if not one made at its start; the key that the client shows |
| `AUTOTROPH_BASE_URL` | where the client finds the server; `http://127.0.0.1:4780` if not set |
| `AUTOTROPH_HOME` | where the demonstration keeps its files; `.autotroph` if not set |
"""


def reference() -> str:
    """The text of the page."""
    return "\n".join([_HEAD, *(_section(name, command) for name, command in commands())])


def commands(group: click.Group = cli, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command by its whole name, those of groups among them."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def _section(name: str, command: click.Command) -> str:
    usage = " ".join(["autotroph", name, *_arguments(command), "[OPTIONS]"])
    text = inspect.cleandoc(command.help or "")
    rows = ["| option | meaning |", "|---|---|", *_options(command)]
    return "\n".join([f"## {name}", "", f"    {usage}", "", text, "", *rows, ""])


def _arguments(command: click.Command) -> Iterator[str]:
    for one in command.params:
        if isinstance(one, click.Argument):
            name = one.human_readable_name.upper()
            yield name if one.required else f"[{name}]"


def _options(command: click.Command) -> Iterator[str]:
    for one in command.params:
        if isinstance(one, click.Option):
            names = ", ".join(f"`{name}`" for name in one.opts)
            value = "" if one.is_flag else f" {one.type.name.upper()}"
            shown = f"  [default: {one.default}]" if one.show_default else ""
            yield f"| {names}{value} | {one.help}{shown} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
