"""The OpenAPI document, made of the table of routes."""

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import msgspec

from autotroph import __version__
from autotroph.faces.http.refusals import MEANING, Error
from autotroph.faces.http.route import Route

Document = dict[str, Any]

JSON, LINES, TEXT = "application/json", "application/x-ndjson", "text/plain"
_REF = "#/components/schemas/{name}"
_NAME = re.compile(r"{(\w+)}")
_UNKNOWN_ENDS = ("value", "low", "high")
"""Of a measurement: not finite where nothing is known, and null then."""


def document(routes: Sequence[Route]) -> Document:
    """The whole document, OpenAPI 3.1."""
    paths: dict[str, Document] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "autotroph",
            "version": __version__,
            "summary": "A product that feeds on its own use.",
            "description": "Keys are sent as `Authorization: Bearer …` or as `x-api-key`.",
        },
        "paths": paths,
        "components": {
            "schemas": _components(routes),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _operation(route: Route) -> Document:
    names = [
        {"name": one, "in": "path", "required": True, "schema": _ID} for one in _NAME.findall(route.path)
    ]
    said: Document = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "description": inspect.cleandoc(route.handler.__doc__ or ""),
        "x-scope": route.door.scope,
        "security": [{"bearer": []}, {"key": []}] if route.door.scope else [],
        "parameters": [*names, *_asked(route)],
        "responses": _responses(route),
    }
    if route.takes is not None:
        said["requestBody"] = {"required": True, "content": _content(route)}
    return said


_ID = {"type": "string", "minLength": 1, "maxLength": 256}


def _asked(route: Route) -> Iterator[Document]:
    if route.query is None:
        return
    shape = msgspec.json.schema(route.query)["$defs"][route.query.__name__]
    for name, schema in shape["properties"].items():
        yield {"name": name, "in": "query", "required": name in shape["required"], "schema": schema}


def _content(route: Route) -> Document:
    one = {"schema": _schema(route.takes)}
    if route.lines is None:
        return {JSON: one}
    return {
        JSON: one,
        LINES: {"schema": {**one["schema"], "description": "Any number of these, one a line."}},
    }


def _responses(route: Route) -> Document:
    kinds = [route.gives, *([route.lines] if route.lines is not None else [])]
    schema = _schema(kinds[0]) if len(kinds) == 1 else {"anyOf": [_schema(one) for one in kinds]}
    content = {LINES: {"schema": {"type": "string"}}} if route.gives_lines else {JSON: {"schema": schema}}
    found: Document = {"200": {"description": "Done.", "content": content}}
    refused = {"description": "", "content": {JSON: {"schema": {"$ref": _REF.format(name="Error")}}}}
    for status in sorted({*_refusals(route), *route.refuses}):
        found[str(status)] = {**refused, "description": MEANING[status]}
    return found


def _refusals(route: Route) -> Iterator[int]:
    """The statuses that follow from what a route is."""
    yield from (400, 421)
    if route.door.scope:
        yield from (401, 403, 503)
    if route.takes is not None:
        yield from (408, 413, 415, 422)
    if route.query is not None:
        yield 422


def _schema(kind: Any) -> Document:
    if found := get_args(kind) if not hasattr(kind, "__struct_fields__") else ():
        return {"anyOf": [_schema(one) for one in found]} if _is_union(kind) else {"type": "object"}
    return {"$ref": _REF.format(name=kind.__name__)}


def _is_union(kind: Any) -> bool:
    return all(hasattr(one, "__struct_fields__") for one in get_args(kind))


def _components(routes: Sequence[Route]) -> Document:
    kinds = {
        one for route in routes for kind in (route.takes, route.gives, route.lines) for one in _structs(kind)
    }
    _, found = msgspec.json.schema_components(
        sorted({*kinds, Error}, key=lambda one: one.__name__), ref_template=_REF
    )
    measurement = found["Measurement"]["properties"]
    for name in _UNKNOWN_ENDS:
        measurement[name] = {"type": ["number", "null"]}
    return found


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    if hasattr(kind, "__struct_fields__"):
        yield kind
    elif _is_union(kind):
        yield from get_args(kind)
