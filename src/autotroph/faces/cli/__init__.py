"""The command: thin, over the same functions that the library has. One file a command.

Exit codes: 0 all is well · 1 something is wrong with the product: its ledger does not open or hold, rows were
refused, or something was rolled back · 2 the call or the declaration is wrong · 130 interrupted.

With --json the last line of stdout is one object; whatever else there is to say goes to stderr.
"""

import sys
from collections.abc import Sequence

import click

from autotroph import __version__
from autotroph.faces.cli.apply import apply
from autotroph.faces.cli.approve import approve
from autotroph.faces.cli.audit import audit
from autotroph.faces.cli.backup import backup, restore
from autotroph.faces.cli.cycle import cycle
from autotroph.faces.cli.datasets import datasets
from autotroph.faces.cli.demo import demo
from autotroph.faces.cli.digest import digest
from autotroph.faces.cli.doctor import doctor
from autotroph.faces.cli.evaluate import evaluate
from autotroph.faces.cli.experiment import experiment
from autotroph.faces.cli.freeze import freeze, thaw
from autotroph.faces.cli.ingest import ingest
from autotroph.faces.cli.init import init
from autotroph.faces.cli.keys import keys
from autotroph.faces.cli.opportunities import opportunities
from autotroph.faces.cli.people import erase, export
from autotroph.faces.cli.plan import plan
from autotroph.faces.cli.refusals import Polite
from autotroph.faces.cli.releases import releases
from autotroph.faces.cli.report import report
from autotroph.faces.cli.rewards import rewards
from autotroph.faces.cli.rollback import rollback
from autotroph.faces.cli.run import run
from autotroph.faces.cli.sample import sample
from autotroph.faces.cli.segments import segments
from autotroph.faces.cli.serve import serve
from autotroph.faces.cli.sql import sql
from autotroph.faces.cli.status import status
from autotroph.faces.cli.suggest import suggest
from autotroph.faces.cli.waive import unwaive, waive

__all__ = ["cli", "main"]

HELP = """A product that feeds on its own use: what people do with it becomes its next version,
with proof and a way back.

Begin with `autotroph demo`, which shows the whole loop, or `autotroph init`, which writes a declaration
that works.

\b
Environment:
  AUTOTROPH_API_KEY        the token of `serve`, and the key that the client shows
  AUTOTROPH_BASE_URL       where the client finds the server
  AUTOTROPH_DATABASE_URL   the ledger, instead of the declared one
  AUTOTROPH_HOME           where the demonstration keeps its files

\b
Exit codes:
  0    all is well
  1    something is wrong with the product
  2    the call or the declaration is wrong
  130  interrupted
"""

for command in (suggest, sample, waive, unwaive):
    rewards.add_command(command)

cli = Polite(
    name="autotroph",
    help=HELP,
    commands=[
        *(
            init,
            demo,
            serve,
            run,
            ingest,
            status,
            doctor,
            cycle,
            plan,
            apply,
            evaluate,
            experiment,
            releases,
            approve,
            rollback,
            freeze,
            thaw,
            report,
            sql,
        ),
        *(segments, digest, rewards, opportunities, datasets, keys, export, erase, backup, restore, audit),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
cli = click.version_option(__version__, prog_name="autotroph")(cli)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the command; leaves with one of the exit codes above."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # ticks on consoles without UTF-8: shown as ?, never fatal
    cli.main(args=arguments, prog_name="autotroph")
