"""Names to implementations: the built-in ones and those that installed packages offer as entry points.

Everything is lazy: a name is imported when it is asked for. A typo is answered with the known names.

    [project.entry-points."autotroph.tracks"]
    prompt = "my_package.prompt:PromptTrack"
"""

from functools import cache
from importlib import import_module
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
    from importlib.metadata import entry_points  # felt: it reads what every installed package says of itself

    offered = {entry.name: entry.value for entry in entry_points(group=f"autotroph.{group}")}
    return {**offered, **BUILT_IN[group]}


def load(group: str, name: str) -> Any:
    """The implementation behind a name.

    >>> load("tracks", "polcy")
    Traceback (most recent call last):
    ...
    autotroph.errors.UnknownName: no track named 'polcy'; known: adapt, policy. Did you mean 'policy'?
    """
    place = BUILT_IN[group].get(name) or known(group).get(name)
    if place is None:
        raise UnknownName(group.removesuffix("s"), name, known(group))
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
