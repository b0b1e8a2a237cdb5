"""Namespaces: one task, declared once, with a life of its own for each of several customers.

`reply` with `namespaces = ["acme"]` is two tasks, `reply` and `reply@acme`. Each has its own releases,
ladder, holdback, exploration and error to spend, and what one learns never reaches the other.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from autotroph.spec.shape import NAME, Fault

if TYPE_CHECKING:
    from autotroph.spec.declaration import Declaration, TrackSpec
    from autotroph.spec.sets import SetSpec

MARK = "@"
"""Between a task and its namespace; no declared name has one."""

S = TypeVar("S", bound="TrackSpec | SetSpec")


def spread(declared: "Declaration") -> "Declaration":
    """The declaration with a task, its tracks and its sets for each namespace, and no namespaces."""
    spaces = {name: task.namespaces for name, task in declared.tasks.items()}
    tasks = {
        _in(name, space): replace(task, namespaces=())
        for name, task in declared.tasks.items()
        for space in ("", *task.namespaces)
    }
    tracks, sets = _each(declared.tracks, spaces), _each(declared.sets, spaces)
    return replace(declared, tasks=tasks, tracks=tracks, sets=sets)


def namespace_faults(declared: "Declaration") -> Iterator[Fault]:
    """Every fault of the namespaces of a declaration that was not spread yet."""
    for name, task in declared.tasks.items():
        path = ("tasks", name, "namespaces")
        for space in task.namespaces:
            if not NAME.fullmatch(space):
                yield Fault(path, f"{space!r}: expected letters, digits, '_', '-' and '.', at most 100")
        if len(set(task.namespaces)) < len(task.namespaces):
            yield Fault(path, "one of them is there twice")


def written(faults: Iterable[Fault]) -> Iterator[Fault]:
    """The faults of a spread declaration, where they are written."""
    for fault in faults:
        path = fault.path
        if len(path) > 1 and path[0] in ("tasks", "tracks", "sets"):
            path = (path[0], path[1].partition(MARK)[0], *path[2:])
        yield fault._replace(path=path)


def _each(declared: dict[str, S], spaces: dict[str, tuple[str, ...]]) -> dict[str, S]:
    found: dict[str, S] = {}
    for name, one in declared.items():
        for space in ("", *spaces.get(one.task, ())):
            found[_in(name, space)] = replace(one, task=_in(one.task, space))
    return found


def _in(name: str, space: str) -> str:
    return f"{name}{MARK}{space}" if space else name
