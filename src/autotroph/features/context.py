"""A choice's inputs to numbers, by their declared types; hashed, so that no vocabulary has to be kept.

Weinberger et al. 2009, "Feature hashing for large scale multitask learning": a signed hash of each word
into a fixed number of buckets keeps inner products unbiased.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from autotroph.clock import draw
from autotroph.errors import InputError

BUCKETS = 64
LARGEST = 1e300
_WORD = re.compile(r"\w+")


def featurise(inputs: Mapping[str, Any], context: Mapping[str, str]) -> dict[str, float]:
    """Named features of the declared inputs: `text` and `category` hashed, `number` as it is.

    Inputs that were not declared, or are missing, contribute nothing.

    >>> featurise({"age": 3.0, "other": "x"}, {"age": "number", "plan": "category"})
    {'bias': 1.0, 'age': 3.0}
    """
    found: dict[str, float] = {"bias": 1.0}
    for name, kind in context.items():
        value = inputs.get(name)
        if value is None:
            continue
        match kind:
            case "number":
                found[name] = _number(name, value)
            case "category":
                _add(found, f"{name}={value}", 1.0)
            case _:
                words = _WORD.findall(str(value).lower())
                for word in words:
                    _add(found, f"{name}:{word}", 1.0 / math.sqrt(len(words)))
    return found


def crossed(features: Mapping[str, float], action: str) -> dict[str, float]:
    """The features of taking an action: the context's, each by the action's name.

    >>> crossed({"bias": 1.0}, "cards")
    {'cards bias': 1.0}
    """
    return {f"{action} {name}": value for name, value in features.items()}


def _number(name: str, value: Any) -> float:
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) < LARGEST:
        return float(value)
    raise InputError(f"input {name!r} is declared a number: it must be a finite one; got {value!r:.60}")


def _add(found: dict[str, float], token: str, weight: float) -> None:
    bucket, sign = _place(token)
    found[bucket] = found.get(bucket, 0.0) + sign * weight


@lru_cache(maxsize=65536)
def _place(token: str) -> tuple[str, float]:
    place = draw("feature", token)
    return f"#{int(place * BUCKETS):02d}", 1.0 if draw("sign", token) < 0.5 else -1.0
