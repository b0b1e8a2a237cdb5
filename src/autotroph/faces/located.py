"""Where a ledger lies: what the file declares, beside the file; or what the environment says instead."""

import os
from pathlib import Path

PREFIX = "sqlite:///"
OVERRIDE = "AUTOTROPH_DATABASE_URL"


def located(url: str, folder: Path) -> str:
    """A relative SQLite path is beside the declaration, wherever one stands.

    >>> located("sqlite:////data/ledger.db", Path("/srv")), located("sqlite:///ledger.db", Path("/srv"))
    ('sqlite:////data/ledger.db', 'sqlite:////srv/ledger.db')
    """
    if not url.startswith(PREFIX) or url.startswith(PREFIX + "/"):
        return url
    return PREFIX + str((folder / url.removeprefix(PREFIX)).resolve())


def override() -> str:
    """The ledger that the environment names instead of the declared one; empty if it names none."""
    return os.environ.get(OVERRIDE, "")
