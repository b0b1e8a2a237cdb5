"""Embeddings: each word is a direction drawn from its letters, a text is the sum of its words, of length 1.

So texts that share words are near each other, and the same text is always in the same place.
"""

import base64
import hashlib
import math
import re
from array import array
from collections.abc import Mapping
from typing import Any

from autotroph.testing.recorded.asked import Embed
from autotroph.testing.recorded.refused import malformed
from autotroph.testing.recorded.tokens import count

MODEL = "words"
DIMENSIONS = 64
MOST = 4096
WORD = re.compile(r"\w+|[^\w\s]")


def vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Where a text lies; all zeros where it has no word.

    >>> near = sum(a * b for a, b in zip(vector("a lost card"), vector("my lost card")))
    >>> far = sum(a * b for a, b in zip(vector("a lost card"), vector("opening hours")))
    >>> near > far
    True
    """
    total = [0.0] * dimensions
    for word in WORD.findall(text.lower()):
        bits = hashlib.blake2b(word.encode(), digest_size=16).digest()
        for start in range(0, len(bits), 4):  # four places a word, so that two words hardly ever share all
            place = int.from_bytes(bits[start : start + 4], "big")
            total[(place >> 1) % dimensions] += 1.0 if place & 1 else -1.0
    length = math.sqrt(math.fsum(each * each for each in total))
    return [each / length for each in total] if length else total


def embeddings(asked: Embed) -> Mapping[str, Any]:
    """The document with a vector for each text, as numbers or as their bytes in base64.

    Raises:
        Refused: of another size or form than there is; 400.
    """
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    dimensions = DIMENSIONS if asked.dimensions is None else asked.dimensions
    if not 1 <= dimensions <= MOST:
        raise malformed(f"dimensions is {dimensions}; it may be 1 to {MOST}", "dimensions")
    form = asked.encoding_format or "float"
    if form not in ("float", "base64"):
        raise malformed(f"encoding_format is {form!r}; known: base64, float", "encoding_format")
    found = [vector(text, dimensions) for text in texts]
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(each) if form == "base64" else each}
        for index, each in enumerate(found)
    ]
    tokens = sum(map(count, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": asked.model, "usage": usage}


def _packed(numbers: list[float]) -> str:
    """Little-endian single precision, which is what `array` writes on every machine that we know of."""
    return base64.b64encode(array("f", numbers).tobytes()).decode()
