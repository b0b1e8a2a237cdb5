"""Does a TOML document have the shape of the declaration? Every fault, with its path and the choices."""

import math
import re
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from autotroph.errors import UnknownName, suggest
from autotroph.spec.durations import Duration, Size
from autotroph.spec.lines import Path

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
DEEPEST = 50
LARGEST = 2**53
NOUNS = {
    str: "a text in quotes",
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    Duration: 'a duration such as "24h", "10m" or "90s"',
    Size: 'a size such as "20GB" or "500MB"',
}


class Fault(NamedTuple):
    """Something wrong with the declaration, and where."""

    path: Path
    message: str


def known_faults(noun: str, name: str, known: Iterable[str], path: Path) -> Iterator[Fault]:
    """A name that is none of the known ones."""
    choices = list(known)
    if name not in choices:
        yield Fault(path, str(UnknownName(noun, name, choices)))


def decode(type_: type, value: object) -> object:
    """What msgspec calls for the types that are ours."""
    if type_ in (Duration, Size) and isinstance(value, str):
        return type_.read(value)
    raise ValueError(f"expected {describe(type_)}")


def value_faults(value: object, path: Path = ()) -> Iterator[Fault]:
    """Values that TOML can write and a declaration cannot mean: nan, inf, dates, huge integers."""
    if len(path) > DEEPEST:
        yield Fault(path[:3], f"nested too deeply; at most {DEEPEST} levels")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from value_faults(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from value_faults(item, (*path, "[]"))
    elif not isinstance(value, str):
        yield from _scalar_faults(value, tuple(part for part in path if part != "[]"))


def _scalar_faults(value: object, path: Path) -> Iterator[Fault]:
    if not isinstance(value, int | float):
        yield Fault(path, "expected no date or time; write it as a text in quotes")
    elif (abs(value) > LARGEST) if isinstance(value, int) else not math.isfinite(value):
        yield Fault(path, "expected a finite number; whole ones up to 2^53")


def shape_faults(value: object, type_: Any, path: Path = ()) -> Iterator[Fault]:
    """Where a value differs from a type: unknown and missing keys, wrong types, values out of bounds."""
    type_ = _given(type_)
    origin = get_origin(type_)
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        yield from _struct_faults(value, type_, path)
    elif origin is types.UnionType and _structs(type_):
        if isinstance(value, str) and str in get_args(type_):
            return
        yield from _union_faults(value, type_, path)
    elif origin is dict:
        yield from _dict_faults(value, get_args(type_)[1], path)
    else:
        yield from _leaf_faults(value, type_, path)


def _given(type_: Any) -> Any:
    """What a value is where there is one: TOML has no word for nothing."""
    if get_origin(type_) not in (Union, types.UnionType):
        return type_
    members = [member for member in get_args(type_) if member is not types.NoneType]
    return members[0] if len(members) == 1 else type_


def _struct_faults(value: object, type_: type[msgspec.Struct], path: Path) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(path, f"expected a table, found {show(value)}")
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    tag = type_.__struct_config__.tag_field
    known = [*fields, tag] if tag else list(fields)
    unknown = [key for key in value if key not in known]
    for key in unknown:
        yield Fault((*path, key), f"unknown key; {suggest(key, known)}")
    for name, field in fields.items():
        if name in value:
            yield from shape_faults(value[name], field.type, (*path, name))
        elif field.required and not unknown:
            yield Fault((*path, name), f"missing; expected {describe(field.type)}")


def _structs(union: Any) -> dict[str, type[msgspec.Struct]]:
    """The members of a tagged union by their tags, a text aside; nothing where it is another union."""
    members = [member for member in get_args(union) if member is not str]
    if not all(isinstance(member, type) and issubclass(member, msgspec.Struct) for member in members):
        return {}
    return {str(member.__struct_config__.tag): member for member in members}


def _union_faults(value: object, union: Any, path: Path) -> Iterator[Fault]:
    members = _structs(union)
    if not isinstance(value, dict):
        yield Fault(
            path, f"expected a table such as {{ kind = {next(iter(members))!r} }}, found {show(value)}"
        )
        return
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in members:
        yield Fault((*path, "kind"), _choices(kind, list(members)))
    else:
        yield from _struct_faults(value, members[kind], path)


def _dict_faults(value: object, type_: Any, path: Path) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(path, f"expected a table, found {show(value)}")
        return
    for key, item in value.items():
        if type_ is not Any and not NAME.fullmatch(key):
            yield Fault((*path, key), "a name is made of up to 100 of these: letters, digits, _ . -")
        yield from shape_faults(item, type_, (*path, key))


def _leaf_faults(value: object, type_: Any, path: Path) -> Iterator[Fault]:
    try:
        msgspec.convert(value, type_, dec_hook=decode)
    except msgspec.ValidationError:
        if get_origin(type_) is Literal:
            yield Fault(path, _choices(value, list(get_args(type_))))
        else:
            yield Fault(path, f"expected {describe(type_)}, found {show(value)}")


def _choices(value: object, choices: list[str]) -> str:
    if value is None:
        return f"missing; expected one of {', '.join(choices)}"
    if isinstance(value, str):
        return f"found {value!r}; {suggest(value, choices)}"
    return f"expected one of {', '.join(choices)}, found {show(value)}"


def describe(type_: Any) -> str:
    """What a type wants, in words.

    >>> describe(tuple[float, float]), describe(bool | str)
    ('a list of 2: a number, a number', 'true or false or a text in quotes')
    """
    origin, arguments = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return str(arguments[1].description)
    if origin is Literal:
        return f"one of {', '.join(arguments)}"
    if origin is types.UnionType:
        return " or ".join(describe(member) for member in arguments if member is not types.NoneType)
    if origin is tuple:
        return _describe_tuple(arguments)
    return NOUNS.get(type_, "a table")


def _describe_tuple(arguments: tuple[Any, ...]) -> str:
    if arguments[-1] is Ellipsis:
        return f"a list, each of it {describe(arguments[0])}"
    return f"a list of {len(arguments)}: {', '.join(describe(member) for member in arguments)}"


def show(value: object) -> str:
    """A value for a message: numbers as they are; of a text only that it is one, for it may be a secret."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return "a text" if value else "an empty text"
        case list():
            return f"a list of {len(value)}"
        case _:
            return "a table" if isinstance(value, dict) else "nothing"
