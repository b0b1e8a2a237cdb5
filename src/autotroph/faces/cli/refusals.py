"""What went wrong, said in one line: `error: message` on stderr, and an exit code for scripts."""

from typing import Any

import click

from autotroph.errors import AutotrophError, GateError, LedgerError, suggest

PRODUCT, CALL, INTERRUPTED = 1, 2, 130


class Refused(click.ClickException):
    """The call or the declaration is wrong."""

    exit_code = CALL

    def show(self, file: Any = None) -> None:
        """One line; no usage and no traceback."""
        click.echo(f"error: {self.format_message()}", file=file, err=file is None)


class Unwell(Refused):
    """Something is wrong with the product."""

    exit_code = PRODUCT


class Polite(click.Group):
    """A group of commands that answers what was raised on purpose with one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except AutotrophError as error:
            kind = Unwell if isinstance(error, LedgerError | GateError) else Refused
            raise kind(str(error)) from error

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; a typo is answered with the known ones."""
        found = super().get_command(ctx, cmd_name)
        if found is None and not ctx.resilient_parsing:
            ctx.fail(f"no command named {cmd_name!r}; {suggest(cmd_name, self.commands)}")
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which one meets them."""
        return list(self.commands)
