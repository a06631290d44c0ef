"""Knobs: their values as text."""

from __future__ import annotations

import pytest

from loaders.registry import all_knobs
from loaders.spec.knobs import Choice, Integer, Switch, format_value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Integer(0, 9), "0", 0),
        (Integer(0, 9), "9", 9),
        (Integer(1, 9, optional=True), "none", None),
        (Switch(), "on", True),
        (Switch(), "Off", False),
        (Switch(), "true", True),
        (Choice(("fork", "spawn")), "spawn", "spawn"),
        (Choice(("fork",), optional=True), "none", None),
    ],
)
def test_allowed_text(kind, text, value) -> None:
    """Allowed text becomes a value of the right type."""
    parsed = kind.parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Integer(0, 9), "10"),
        (Integer(0, 9), "-1"),
        (Integer(0, 9), "2.0"),
        (Integer(0, 9), ""),
        (Integer(0, 9), "none"),
        (Integer(0, 9), "²"),
        (Switch(), "maybe"),
        (Switch(), "1"),
        (Choice(("fork",)), "none"),
        (Choice(("fork",)), "thread"),
    ],
)
def test_other_text_is_an_error(kind, text) -> None:
    """Other text is a ValueError."""
    with pytest.raises(ValueError, match=r"^" if not text else None):
        kind.parse(text)


def test_allowed_is_said_in_words() -> None:
    """Every kind describes its values."""
    assert Integer(1, 9, optional=True).allowed == "none or a whole number from 1 to 9"
    assert Choice(("a", "b", "c")).allowed == "a, b or c"
    assert Switch().allowed == "on or off"


@pytest.mark.parametrize("name", all_knobs())
def test_values_of_presets_read_back(name) -> None:
    """Every value of a preset is allowed, and its text reads back as the value."""
    knob = all_knobs()[name]
    for value in (*knob.quick, *knob.full):
        assert knob.kind.parse(format_value(value)) == value
