"""Names to implementations: the built-in ones and those that installed packages offer as entry points.

Everything is lazy: a name is imported when it is asked for. A typo is answered with the known names.

    [project.entry-points."autotroph.tracks"]
    prompt = "my_package.prompt:PromptTrack"
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from autotroph.errors import UnknownName

BUILT_IN: dict[str, dict[str, str]] = {
    "tracks": {
        "adapt": "autotroph.optimize.adapt:AdaptTrack",
        "policy": "autotroph.optimize.policy:PolicyTrack",
    },
    "stores": {
        "sqlite": "autotroph.store.sqlite:SqliteStore",
    },
    "upstreams": {
        "anthropic": "autotroph.adapters.upstreams.anthropic:anthropic_upstream",
        "openai": "autotroph.adapters.upstreams.openai:openai_upstream",
    },
}


@cache
def known(group: str) -> dict[str, str]:
    """Names and where they lead, for one group such as `tracks`."""
    offered = {entry.name: entry.value for entry in entry_points(group=f"autotroph.{group}")}
    return {**offered, **BUILT_IN[group]}


def load(group: str, name: str) -> Any:
    """The implementation behind a name.

    >>> load("tracks", "polcy")
    Traceback (most recent call last):
    ...
    autotroph.errors.UnknownName: no track named 'polcy'; known: adapt, policy. Did you mean 'policy'?
    """
    choices = known(group)
    if name not in choices:
        raise UnknownName(group.removesuffix("s"), name, choices)
    module, _, attribute = choices[name].partition(":")
    return getattr(import_module(module), attribute)
