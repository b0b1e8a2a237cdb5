"""Those who answer outside this process, as releases name them: each is connected to once."""

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from autotroph.clock import Clock
from autotroph.deploy.upstreams.protocols import Upstream
from autotroph.errors import UpstreamFault
from autotroph.records import Upstream as Place
from autotroph.spec import ModelSpec, Spec

Make = Callable[[str, ModelSpec, Clock], Upstream]
"""An upstream by the name of its model and how that is declared."""


class Outside:
    """The upstreams of a product, for each event loop apart: connections belong to one.

    Args:
        spec: says how they are called, with which key, and what they cost.
        clock: gives time and luck.
        make: connects to one.
    """

    def __init__(self, spec: Spec, clock: Clock, make: Make) -> None:
        self._spec, self._clock, self._make = spec, clock, make
        self._open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, Place | None], Upstream]]
        self._open = WeakKeyDictionary()

    def of(self, model: str, place: Place | None = None) -> Upstream:
        """Who answers for a model.

        Args:
            model: its name.
            place: where a release says that it answers; as it is declared now if None.

        Raises:
            UpstreamFault: it is not declared any more, so nobody knows its key.
        """
        known = self._open.setdefault(asyncio.get_running_loop(), {})
        if (model, place) not in known:
            known[model, place] = self._make(model, self._declared(model, place), self._clock)
        return known[model, place]

    async def close(self) -> None:
        """Close what is open in this event loop."""
        for one in self._open.pop(asyncio.get_running_loop(), {}).values():
            await one.close()

    def _declared(self, model: str, place: Place | None) -> ModelSpec:
        if model not in self._spec.models:
            told = f"model {model!r} is asked by a release that serves, and is not declared any more"
            raise UpstreamFault(told, "address")
        declared = self._spec.models[model]
        if place is None:
            return declared
        return replace(declared, kind=place.kind, base_url=place.base_url, model=place.model)
