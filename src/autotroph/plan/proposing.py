"""What a task is declared to serve against what it was ever declared to: what differs becomes a candidate."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from autotroph.deploy.releases import declared_body
from autotroph.records import DECLARATION, Body, Candidate, Release, Stage
from autotroph.spec import Spec
from autotroph.store import Reader


def changed(reader: Reader, spec: Spec) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Tasks whose declared variants or policy nobody has proposed yet, with what differs in them.

    What was declared last is the newest candidate that came of a declaration, or release 0. What serves
    already is not proposed.
    """
    for task, declared in spec.tasks.items():
        zero = reader.get(Release, task=task, name="release 0")
        if zero is None or not declared.reward:
            continue
        _, body = declared_body(spec, task, 0)
        last = reader.get(Candidate, task=task, track=DECLARATION)
        differs = tuple(_differs(last.body if last else zero.body, body))
        if differs and any(_differs(_serving(reader, task, zero).body, body)):
            yield task, differs


def _serving(reader: Reader, task: str, zero: Release) -> Release:
    stage = reader.get(Stage, task=task, name="serving")
    release = reader.get(Release, id=stage.release) if stage else None
    return release or zero


def _differs(before: Body, after: Body) -> Iterator[str]:
    """Names of the parts that differ; what a variant knows is not declared."""
    old, new = _plain(before), _plain(after)
    yield from (name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name))


def _plain(body: Body) -> Mapping[str, Any]:
    plain = {name: replace(one, knowledge=0, learns=False, signals=()) for name, one in body.variants.items()}
    rest = {"policy": body.policy, "kind": body.kind, "actions": body.actions, "context": body.context}
    return rest | {f"variants.{name}": one for name, one in plain.items()}
