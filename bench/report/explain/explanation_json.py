"""JSON of an explanation, without loss in both directions.

The object has one member for each attribute of `Explanation`, by its name, and three more at its top:

    schema  number of this format
    answer  the answer in one sentence, for readers without Python
    ...     the attributes, such as "possible": {"median": 3.1, "low": 3.0, "high": 3.2, "blocks": 5}

A dataclass is an object, a tuple is an array and an enum is its value. All times are seconds. An unknown
number is null, NaN among them. An infinite one is the string "infinity" or "-infinity".
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.answer import answer_in_a_sentence
from bench.report.json_values import encode_value
from bench.text import printable

SCHEMA = 1
INFINITIES = {"infinity": math.inf, "-infinity": -math.inf}


class ExplanationFormatError(ValueError):
    """JSON that holds no explanation: one line that names the place, what was given and what is allowed."""


def to_json(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as an object that `json.dumps(..., allow_nan=False)` takes."""
    attributes = encode_value(explanation)
    return {"schema": SCHEMA, "answer": answer_in_a_sentence(explanation), **attributes}


def from_json(found: Mapping[str, Any]) -> Explanation:
    """Return the explanation that `to_json` has written.

    Attributes that were added to the format later take their defaults. Unknown members are ignored.

    Raises:
        ExplanationFormatError: the object is no explanation, or its format is newer than this one.
    """
    schema = found.get("schema") if isinstance(found, Mapping) else None
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise ExplanationFormatError(
            f"schema is {_show(schema)}: only explanations of schema 1 to {SCHEMA} can be read"
        )
    explanation: Explanation = _decode(found, Explanation, "explanation")
    return explanation


def _decode(value: Any, kind: Any, place: str) -> Any:
    """Return a value of JSON as a value of a type.

    Args:
        value: value of JSON.
        kind: type of an attribute.
        place: path to the value, for errors.

    Raises:
        ExplanationFormatError: the value doesn't fit the type.
    """
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(value, typing.get_args(kind), place)
    if origin is tuple:
        _require(isinstance(value, list), value, "an array", place)
        content = typing.get_args(kind)[0]
        return tuple(_decode(part, content, f"{place}[{n}]") for n, part in enumerate(value))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _decode_dataclass(value, kind, place)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        _require(isinstance(value, Mapping), value, "an object", place)
        content = typing.get_args(kind)[1]
        return {name: _decode(part, content, f"{place}.{name}") for name, part in value.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        allowed = [member.value for member in kind]
        _require(value in allowed, value, f"one of {', '.join(allowed)}", place)
        return kind(value)
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
    return _decode(value, others[-1], place)


def _decode_dataclass(value: Any, kind: type, place: str) -> Any:
    """Return an object as a dataclass."""
    _require(isinstance(value, Mapping), value, "an object", place)
    hints = typing.get_type_hints(kind)
    found = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            found[field.name] = _decode(value[field.name], hints[field.name], f"{place}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ExplanationFormatError(f"{place}.{field.name} is missing")
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
    return tuple(_decode(part, kind, place) for part in value) if isinstance(value, list) else value


def _require(fits: bool, value: object, allowed: str, place: str) -> None:
    """Raise an error if a value doesn't fit.

    Raises:
        ExplanationFormatError: it doesn't.
    """
    if not fits:
        raise ExplanationFormatError(f"{place} is {_show(value)}: {allowed} is needed")


def _show(value: object) -> str:
    text = printable(repr(value))
    return text if len(text) <= 60 else f"{text[:60]}…"
