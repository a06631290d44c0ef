"""Knobs: the fields of a LoaderSpec that a sweep can vary, under PyTorch's own names.

A knob carries everything that the toolkit needs to offer it: its values as text, its help, and the values
that the presets take. So a family that declares a knob has it on the command line and in the results.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

Value = int | bool | str | None


class Kind(Protocol):
    """Type of a knob's values, and their form on the command line and in a CSV cell."""

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""

    def parse(self, text: str) -> Value:
        """Return the value of `text`; raise ValueError if it isn't allowed."""


@dataclass(frozen=True)
class Integer:
    """Kind of whole numbers.

    Attributes:
        minimum: smallest allowed value.
        maximum: largest allowed value.
        optional: whether `none` is allowed, too; default False.
    """

    minimum: int
    maximum: int
    optional: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values, such as `none or a whole number from 1 to 1024`."""
        return f"{'none or ' * self.optional}a whole number from {self.minimum} to {self.maximum}"

    def parse(self, text: str) -> int | None:
        """Return 64 for `64`, and None for `none`; raise ValueError for other text."""
        if self.optional and text.lower() == "none":
            return None
        number = int(text) if text.isascii() and text.isdigit() else self.minimum - 1
        if not self.minimum <= number <= self.maximum:
            raise ValueError(text)
        return number


@dataclass(frozen=True)
class Switch:
    """Kind of on and off.

    Attributes:
        optional: whether `none` is allowed, too; default False.
    """

    optional: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values, such as `on or off`."""
        return "none, on or off" if self.optional else "on or off"

    def parse(self, text: str) -> bool | None:
        """Return True for `on` and `true`, False for `off` and `false`; raise ValueError for other text."""
        word = text.lower()
        if self.optional and word == "none":
            return None
        if word not in ("on", "off", "true", "false"):
            raise ValueError(text)
        return word in ("on", "true")


@dataclass(frozen=True)
class Choice:
    """Kind of a few words.

    Attributes:
        options: the allowed words.
        optional: whether `none` is allowed, too; default False.
    """

    options: tuple[str, ...]
    optional: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values, such as `none, fork or spawn`."""
        words = ("none",) * self.optional + self.options
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"

    def parse(self, text: str) -> str | None:
        """Return the word, and None for `none`; raise ValueError for other text."""
        word = text.lower()
        if self.optional and word == "none":
            return None
        if word not in self.options:
            raise ValueError(text)
        return word


@dataclass(frozen=True)
class Knob:
    """Description of a field that a sweep can vary.

    Attributes:
        name: the field's name.
        kind: the allowed values.
        help: one line for `--help`.
        quick: values of the quick preset; default none, which keeps the family's default.
        full: values of the full preset; default none, which keeps the family's default.
    """

    name: str
    kind: Kind
    help: str
    quick: tuple[Value, ...] = ()
    full: tuple[Value, ...] = ()


def knob(declared: Knob, default: Value) -> Any:
    """Return a dataclass field for a knob, with the family's own default."""
    return field(default=default, metadata={"knob": declared})


def format_value(value: Value) -> str:
    """Return a knob's value as text for the command line and the CSV: `none`, `on`, `off` or the value."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
