"""A store that fails when it is told to: for simulations of what a product does then."""

from collections.abc import Callable
from typing import Any, cast

from autotroph.errors import Overloaded
from autotroph.records import Record
from autotroph.store import Receipt, Store


def faulty(store: Store, down: Callable[[], bool]) -> Store:
    """The same store, but for appends of which nothing is written.

    Args:
        store: that works.
        down: whether an append fails now; asked once for each that holds rows.
    """
    return cast(Store, _Faulty(store, down))


class _Faulty:
    def __init__(self, store: Store, down: Callable[[], bool]) -> None:
        self._store, self._down = store, down

    def append(self, *records: Record, **how: Any) -> Receipt:
        if records and self._down():
            raise Overloaded("the store takes nothing at the moment, says a simulation")
        return self._store.append(*records, **how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
