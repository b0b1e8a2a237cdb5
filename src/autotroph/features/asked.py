"""What was asked, so that it can be told whether somebody else asked the same before."""

from typing import Any

from autotroph.clock import digest
from autotroph.records import Decision, canonical
from autotroph.spec import TaskSpec


def asked(decision: Decision, task: TaskSpec) -> str:
    """A key that decisions share which ask the same: large letters and blanks make no difference.

    Where the options come with the call they are part of what is asked. Of a choice among declared actions
    only the declared context is: nothing else reaches a policy.
    """
    parts: list[object] = [_plain(_inputs(decision, task))]
    if decision.given:
        parts.append([(one.option, _plain(one.output), one.features) for one in decision.proposals])
    return digest("asked", canonical(parts))[:24]


def free_text(decision: Decision, task: TaskSpec) -> bool:
    """Whether somebody's own words are in it: a text that is not declared a category."""
    named = {name for name, kind in task.context.items() if kind != "text"}
    inputs = {name: value for name, value in _inputs(decision, task).items() if name not in named}
    return _has_text(inputs) or (decision.given and any(one.output for one in decision.proposals))


def _inputs(decision: Decision, task: TaskSpec) -> dict[str, Any]:
    if task.kind != "choice" or decision.given:
        return decision.inputs
    return {name: value for name, value in decision.inputs.items() if name in task.context}


def _plain(value: Any) -> Any:
    match value:
        case str():
            return " ".join(value.casefold().split())
        case bool() | None:
            return value
        case int() | float():
            return float(value)
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value


def _has_text(value: Any) -> bool:
    match value:
        case str():
            return True
        case dict():
            return any(_has_text(one) for one in value.values())
        case list() | tuple():
            return any(_has_text(one) for one in value)
        case _:
            return False
