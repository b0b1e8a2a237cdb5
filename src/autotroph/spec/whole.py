"""The tables that are about the product as a whole, whatever its tasks are."""

from typing import Annotated, Literal

from msgspec import Meta

from autotroph.records import IMPROVE, Terms
from autotroph.spec.declared import Declared
from autotroph.spec.durations import Duration, Size
from autotroph.spec.numbers import Count

Engine = Annotated[
    str,
    Meta(
        pattern=r"^(duckdb|yarn|local(\[(\d+|\*)(,\d+)?\])?|spark://[\w.-]+:\d+(,[\w.-]+:\d+)*|k8s://\S+)$(?!\n)",
        description='"duckdb" or a master of Spark ("local[4]", "spark://HOST:7077", "yarn", "k8s://HOST:443")',
    ),
]


class ProductSpec(Declared, frozen=True, kw_only=True):
    """The product as a whole. `was` is its name of before, so that the ledger of that one is its own.

    `killswitch` is a file that takes back what serves; empty: beside the ledger. `upstream` is the model that
    answers where somebody asks for a model that is neither a task nor declared; empty: nobody does.
    """

    name: str
    was: str = ""
    store: str = "sqlite:///.autotroph/ledger.db"
    on_store_failure: Literal["answer", "refuse"] = "answer"
    engine: Engine = "duckdb"
    killswitch: str = ""
    upstream: str = ""


class PrivacySpec(Declared, frozen=True, kw_only=True):
    """What people agreed to unless a call says otherwise, and what is blacked out before a row is written."""

    purposes: tuple[str, ...] = (IMPROVE,)
    learn: bool = True
    region: str = ""
    retention: str = Terms().retention
    redact: tuple[Literal["card", "iban", "email", "phone", "key"], ...] = ()
    patterns: dict[str, str] = {}

    @property
    def terms(self) -> Terms:
        """The terms of a call that names none."""
        return Terms(purposes=self.purposes, learn=self.learn, region=self.region, retention=self.retention)


class RetentionSpec(Declared, frozen=True, kw_only=True):
    """How long rows are kept, by retention class, and how large the ledger may grow.

    A class that is not here is kept for ever, and a `largest` of nothing is no limit.
    """

    classes: dict[str, Duration] = {}
    largest: Size = Size(0)


class RunSpec(Declared, frozen=True, kw_only=True):
    """How the loop turns while nobody watches, see `unattended.schedule`.

    Attributes:
        every: at least so long between two cycles while something comes in.
        evidence: so many rewards whose horizon has passed make one due at once.
        idle: after so long there is one though nothing has come in.
        quiet: hours in which nothing advances, as of the clocks in `zone`.
        segments: how long between two looks at the Parquet segments; never if left out.
    """

    every: Duration = Duration(60.0)
    evidence: Count = 100
    idle: Duration = Duration(900.0)
    quiet: tuple[str, ...] = ()
    zone: str = "UTC"
    segments: Duration | None = None


class SeasonSpec(Declared, frozen=True, kw_only=True):
    """A stretch of time with a thesis."""

    thesis: str = ""
