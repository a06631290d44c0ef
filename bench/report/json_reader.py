"""JSON reader: JSON that `encode_value` has written, as dataclasses again."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from bench.records.errors import ResultsError
from bench.text import printable

INFINITIES = {"infinity": math.inf, "-infinity": -math.inf}
Content = TypeVar("Content")


class JsonFormatError(ValueError):
    """JSON of another form: one line that names the place, what was given and what is allowed."""


def read_json_file(path: Path, read: Callable[[Any], Content], program: str) -> Content:
    """Read a JSON file of a results folder.

    Args:
        path: the file.
        read: makes its content of the values of JSON.
        program: command that writes such a file, such as `bench.explain`.

    Raises:
        ResultsError: there is no such file, or it is of another version of this program.
    """
    try:
        return read(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ResultsError(f"{path} can't be read: {error.strerror}; run {program} again") from error
    except ValueError as error:
        raise ResultsError(f"{path} is not what {program} wrote: {error}") from error


def check_schema(found: object, newest: int, noun: str) -> None:
    """Check the member `schema` of an object.

    Args:
        found: the object.
        newest: newest schema that can be read; the oldest is 1.
        noun: name of such objects, such as `explanations`.

    Raises:
        JsonFormatError: this is no object, or it has another schema.
    """
    schema = found.get("schema") if isinstance(found, Mapping) else None
    if type(schema) is not int or not 1 <= schema <= newest:
        raise JsonFormatError(f"schema is {_show(schema)}: only {noun} of schema 1 to {newest} can be read")


def decode_value(value: Any, kind: Any, place: str) -> Any:
    """Return a value of JSON as a value of a type.

    Attributes of a dataclass that were added later take their defaults. Unknown members are ignored.

    Args:
        value: value of JSON.
        kind: type of an attribute.
        place: path to the value, for errors.

    Raises:
        JsonFormatError: the value doesn't fit the type.
    """
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(value, typing.get_args(kind), place)
    if origin is typing.Literal:
        return _decode_choice(value, typing.get_args(kind), place)
    if origin is tuple:
        _require(isinstance(value, list), value, "an array", place)
        content = typing.get_args(kind)[0]
        return tuple(decode_value(part, content, f"{place}[{n}]") for n, part in enumerate(value))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _decode_dataclass(value, kind, place)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _decode_mapping(value, typing.get_args(kind), place)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(_decode_choice(value, [member.value for member in kind], place))
    return _decode_plain(value, kind, place)


def _decode_union(value: Any, kinds: tuple[Any, ...], place: str) -> Any:
    """Return a value of the first type that it fits."""
    if value is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    for kind in others[:-1]:
        # Strings and numbers are told apart by their type alone.
        if type(value) is kind:
            return value
    return decode_value(value, others[-1], place)


def _decode_choice(value: Any, allowed: Sequence[Any], place: str) -> Any:
    """Return one of the values that are allowed."""
    _require(value in allowed, value, f"one of {', '.join(map(str, allowed))}", place)
    return value


def _decode_mapping(value: Any, kinds: tuple[Any, ...], place: str) -> dict[Any, Any]:
    """Return an object as a mapping. Names in JSON are strings, those of a mapping may be integers."""
    _require(isinstance(value, Mapping), value, "an object", place)
    key, content = kinds
    found = {}
    for name, part in value.items():
        is_number = key is int and name.removeprefix("-").isdecimal()
        _require(key is not int or is_number, name, "an integer as a name", place)
        found[int(name) if is_number else name] = decode_value(part, content, f"{place}.{name}")
    return found


def _decode_dataclass(value: Any, kind: type, place: str) -> Any:
    """Return an object as a dataclass."""
    _require(isinstance(value, Mapping), value, "an object", place)
    hints = typing.get_type_hints(kind)
    found = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            found[field.name] = decode_value(value[field.name], hints[field.name], f"{place}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise JsonFormatError(f"{place}.{field.name} is missing")
    return kind(**found)


def _decode_plain(value: Any, kind: Any, place: str) -> Any:
    """Return a number, a string or a value of any type."""
    if kind is float:
        if value is None:
            return math.nan
        if isinstance(value, str) and value in INFINITIES:
            return INFINITIES[value]
        _require(isinstance(value, (int, float)) and not isinstance(value, bool), value, "a number", place)
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(kind, type) and kind is not object:
        _require(type(value) is kind, value, f"a value of type {kind.__name__}", place)
        return value
    # Values of knobs: hashable, as they were.
    return tuple(decode_value(part, kind, place) for part in value) if isinstance(value, list) else value


def _require(fits: bool, value: object, allowed: str, place: str) -> None:
    """Raise an error if a value doesn't fit.

    Raises:
        JsonFormatError: it doesn't.
    """
    if not fits:
        raise JsonFormatError(f"{place} is {_show(value)}: {allowed} is needed")


def _show(value: object) -> str:
    text = printable(repr(value))
    return text if len(text) <= 60 else f"{text[:60]}…"
