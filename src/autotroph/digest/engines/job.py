"""What the process that reads the ledger is asked for."""

import msgspec

from autotroph.digest.engines.options import Options
from autotroph.digest.engines.relations import Raw


class Job(msgspec.Struct, frozen=True):
    """What to read, and what to make of it.

    Attributes:
        ledger: its file.
        raws: the relations, by name.
        options: what the digestion is held to.
        plan: of the task, as JSON: by what it takes to understand it, the rows are already being read.
        now: seconds since the epoch.
    """

    ledger: str
    raws: dict[str, Raw]
    options: Options
    plan: msgspec.Raw
    now: float
