"""A process that dies at a point of its code that somebody names: kill -9, at any step, again and again.

    mortal = Mortal()
    mortal.watch(Pen, "commit")
    mortal.arm({"after commit 3"})  # from here on crossings count
    product.cycle()                 # the third commit is the last thing that this process does

Armed for nothing it lives, and `crossed` is every point that there was to die at.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any


class Mortal:
    """Dies at a crossing of the points that are watched.

    Args:
        last: is told at which, before it dies.

    Attributes:
        crossed: the crossings since it was armed, in order.
    """

    def __init__(self, last: Callable[[str], object] = lambda _: None) -> None:
        self.last = last
        self._at: Collection[str] = ()
        self._armed, self._counts = False, Counter[str]()
        self.crossed: list[str] = []

    def arm(self, at: Collection[str] = ()) -> None:
        """Count crossings, from none.

        Args:
            at: those to die at, whichever comes first: `before NAME N` or `after NAME N`, the N-th from here.
        """
        self._at, self._armed, self._counts, self.crossed = at, True, Counter(), []

    def disarm(self) -> None:
        """Count no more."""
        self._armed = False

    def watch(self, owner: Any, *names: str) -> None:
        """Make points of functions of a class or module: before each call, and after each that returns."""
        for name in names:
            setattr(owner, name, self._watched(getattr(owner, name), name))

    def _watched(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(function)
        def watched(*arguments: Any, **named: Any) -> Any:
            self.cross(f"before {name}")
            done = function(*arguments, **named)
            self.cross(f"after {name}")
            return done

        return watched

    def cross(self, point: str) -> None:
        """Be at a point."""
        if not self._armed:
            return
        self._counts[point] += 1
        crossing = f"{point} {self._counts[point]}"
        self.crossed.append(crossing)
        if crossing in self._at:
            self.last(crossing)
            os.kill(os.getpid(), signal.SIGKILL)
