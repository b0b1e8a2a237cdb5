"""The command as a test calls it."""

import json
from typing import Any

from click.testing import CliRunner, Result

from autotroph.faces.cli import cli


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=typed)


def answer(*arguments: str, code: int = 0) -> Any:
    """The object on the last line of stdout."""
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout.splitlines()[-1])


def refused(*arguments: str, code: int = 2) -> str:
    """The line on stderr with which a command refuses; nothing is on stdout."""
    result = run(*arguments)
    assert result.exit_code == code, (result.exit_code, result.output)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    return result.stderr
