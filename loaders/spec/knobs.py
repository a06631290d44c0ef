"""Knobs: the fields of a LoaderSpec that a sweep can vary, under PyTorch's own names.

A knob carries all that the rest of the toolkit asks of it (how its value is written, what the presets
take), so a family that declares one has it on the command line and in the results without another edit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

Value = int | bool | str | None


class Kind(Protocol):
    """What values a knob takes, and how they are written on the command line and in a CSV cell."""

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""

    def parse(self, text: str) -> Value:
        """The value that `text` stands for; ValueError where it stands for none."""


@dataclass(frozen=True)
class Integer:
    """Whole numbers in a range; `none` beside them where the knob is optional."""

    minimum: int
    maximum: int
    optional: bool = False

    @property
    def allowed(self) -> str:
        """For example `none or a whole number from 1 to 1024`."""
        return f"{'none or ' * self.optional}a whole number from {self.minimum} to {self.maximum}"

    def parse(self, text: str) -> int | None:
        """`64` is 64 and, where optional, `none` is None."""
        if self.optional and text.lower() == "none":
            return None
        number = int(text) if text.isascii() and text.isdigit() else self.minimum - 1
        if not self.minimum <= number <= self.maximum:
            raise ValueError(text)
        return number


@dataclass(frozen=True)
class Switch:
    """on or off; `none` beside them where the knob is optional."""

    optional: bool = False

    @property
    def allowed(self) -> str:
        """For example `on or off`."""
        return "none, on or off" if self.optional else "on or off"

    def parse(self, text: str) -> bool | None:
        """`on` is True, `off` is False; `true` and `false` are taken too."""
        word = text.lower()
        if self.optional and word == "none":
            return None
        if word not in ("on", "off", "true", "false"):
            raise ValueError(text)
        return word in ("on", "true")


@dataclass(frozen=True)
class Choice:
    """One of a few words; `none` beside them where the knob is optional."""

    options: tuple[str, ...]
    optional: bool = False

    @property
    def allowed(self) -> str:
        """For example `none, fork or spawn`."""
        words = ("none",) * self.optional + self.options
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"

    def parse(self, text: str) -> str | None:
        """The word itself, or None for `none`."""
        word = text.lower()
        if self.optional and word == "none":
            return None
        if word not in self.options:
            raise ValueError(text)
        return word


@dataclass(frozen=True)
class Knob:
    """One knob: `quick` and `full` are the values that the two presets vary it over, none for «leave it»."""

    name: str
    kind: Kind
    help: str
    quick: tuple[Value, ...] = ()
    full: tuple[Value, ...] = ()


def knob(declared: Knob, default: Value) -> Any:
    """A dataclass field that holds this knob, with the family's own default."""
    return field(default=default, metadata={"knob": declared})


def format_value(value: Value) -> str:
    """A knob's value as the command line and the CSV write it: `none`, `on`, `off`, or the value itself."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
