"""What a command does itself where nobody writes to the ledger, and else asks the writer for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from autotroph.clock import SystemClock
from autotroph.errors import InputError, Occupied
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import ledger_of, opened, reader_of

if TYPE_CHECKING:
    from autotroph.faces.library import Product
    from autotroph.unattended.asking import Ask

PATIENCE = 10.0
"""Seconds in which whoever turns the loop takes up what was asked for."""


def done(config: Path, ask: Ask, do: Callable[[Product], object]) -> bool:
    """Have something done: by ourselves, or by the ledger's writer.

    Args:
        config: the declaration.
        ask: what to ask the writer for.
        do: does the same.

    Returns:
        whether it is done; otherwise it will be before the next cycle.
    """
    try:
        with opened(config, "") as product:
            do(product)
    except Occupied:
        return _asked(config, ask)
    return True


def _asked(config: Path, ask: Ask) -> bool:
    from autotroph.store.opening import location
    from autotroph.unattended.asking import IN_VAIN, answer, folder_of, put

    id_, reader = SystemClock("").new_id("ask"), reader_of(config)
    try:
        put(folder_of(location(ledger_of(config))), id_, ask)
        end = time.monotonic() + PATIENCE
        while (found := answer(reader, id_)) is None:
            if time.monotonic() > end:
                options.say(
                    "note: the ledger's writer has not taken it up yet; it will, before its next cycle"
                )
                return False
            time.sleep(0.1)
    finally:
        reader.close()
    if found.event == IN_VAIN:
        raise InputError(str(found.details["reason"]))
    return True
