"""What inputs must be, as JSON Schema says it. A message names the place and the rule, never the value."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

import jsonschema_rs as js
import msgspec

from autotroph.errors import InputError, SpecError

MASK = "what was sent"
_PATTERNS = js.RegexOptions(size_limit=2**20)  # linear in the text: no lookaround, no backtracking


class Schema:
    """A compiled JSON Schema (2020-12, unless it says otherwise) of a table of inputs.

    Args:
        document: the schema: `type` is `object`, and `properties` has each of the inputs.
        source: what it is called in messages, with its line.

    Attributes:
        names: of the inputs.

    Raises:
        SpecError: it is no schema, or not of such a table.

    >>> Schema({"type": "object", "properties": {"n": {"type": "integer"}}}).check({"n": "x"})
    Traceback (most recent call last):
    ...
    autotroph.errors.InputError: inputs.n: what was sent is not of type "integer"
    """

    def __init__(self, document: dict[str, Any], source: str = "schema") -> None:
        named = document.get("properties")
        if document.get("type") != "object" or not isinstance(named, dict) or not named:
            told = 'inputs have names, so "type" is "object" and "properties" has each of them'
            raise SpecError(f"{source}: {told}")
        try:
            self._validator = _compiled(document)
        except (ValueError, js.ReferencingError) as error:
            told = str(error).split("\n", 1)[0].replace(MASK, "it")
            raise SpecError(f"{source}: not a JSON Schema: {told}") from None
        self.names = frozenset(named)

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Refuse inputs that are not as declared.

        Raises:
            InputError: the first that is wrong; with its place.
        """
        if not self._validator.is_valid(inputs):
            error = next(self._validator.iter_errors(inputs))
            place = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in error.instance_path)
            raise InputError(f"inputs{place}: {error.message}")


def read_schema(text: str, source: str) -> Schema:
    """The schema of a file.

    Raises:
        SpecError: it is no JSON, or no schema; with file and line.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"{source}:{error.lineno}: not JSON: {error.msg}") from None
    except RecursionError:
        raise SpecError(f"{source}:1: nested too deeply") from None
    if not isinstance(document, dict):
        raise SpecError(f"{source}:1: expected a JSON Schema, which is an object")
    return Schema(document, f"{source}:1")


def fits(document: Mapping[str, Any], value: object) -> bool:
    """Whether a value is as a JSON Schema of anything says; what is no JSON Schema refuses nothing.

    >>> fits({"type": "integer"}, 3), fits({"type": "integer"}, "3"), fits({"type": "no type"}, "3")
    (True, False, True)
    """
    validator = _remembered(msgspec.json.encode(document, order="deterministic").decode())
    return validator is None or validator.is_valid(value)


@lru_cache(256)
def _remembered(document: str) -> Any:
    try:
        return _compiled(msgspec.json.decode(document))
    except (ValueError, js.ReferencingError):
        return None


def _compiled(document: dict[str, Any]) -> Any:
    return js.validator_for(
        document, mask=MASK, retriever=_nowhere, pattern_options=_PATTERNS, validate_formats=True
    )


def _nowhere(uri: str) -> NoReturn:
    """A schema is whole: nothing is fetched, from disk or from elsewhere."""
    raise ValueError(f"$ref leads to {uri}; put it into $defs")
