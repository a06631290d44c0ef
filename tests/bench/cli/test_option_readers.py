"""Values of options that are read from text."""

from __future__ import annotations

import click
import pytest

from bench.cli import option_readers
from bench.cli.option_readers import make_list_reader, make_reader
from loaders.spec.knobs import Choice, Integer


def read(reader, text: str | None):
    """Return the value that a reader makes of an option's text."""
    option = click.Option(["--it"])
    return reader(click.Context(click.Command("x")), option, text)


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        (option_readers.read_duration, "90", 90.0),
        (option_readers.read_duration, "1.5m", 90.0),
        (option_readers.read_duration, "2h", 7200.0),
        (option_readers.read_size, "4G", 2**32),
        (option_readers.read_size, "1.5GiB", 3 * 2**29),
        (option_readers.read_size, "512mb", 2**29),
        (option_readers.read_percent, "3%", 0.03),
        (option_readers.read_positive, "1e-3", 0.001),
        (option_readers.read_url, "http://x/", "http://x/"),
        (option_readers.read_name, "a-1.b", "a-1.b"),
        (make_reader(Integer(1, 5)), "5", 5),
    ],
)
def test_values_are_read(reader, text, value) -> None:
    """In the unit of the value; without a text there is none."""
    assert read(reader, text) == value
    if reader is not option_readers.read_name:
        assert read(reader, None) is None


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        *((option_readers.read_duration, text) for text in ("0", "-1m", "nan", "inf", "5 minutes", "", "m")),
        *((option_readers.read_size, text) for text in ("0", "0.5", "lots", "nan", "", "G")),
        *((option_readers.read_percent, text) for text in ("3", "0%", "100%", "nan%", "%", "")),
        *((option_readers.read_positive, text) for text in ("0", "-1", "nan", "inf", "x", "")),
        *((option_readers.read_url, text) for text in ("foo", "", "ftp://x")),
        *((option_readers.read_name, text) for text in ("", "../up", ".x", "a/b", "x" * 101, "a b")),
        *((make_reader(Integer(1, 5)), text) for text in ("0", "6", "1.0", "x", "")),
    ],
)
def test_other_texts_are_refused(reader, text) -> None:
    """With the option, the text and what is allowed."""
    with pytest.raises(click.UsageError) as error:
        read(reader, text)
    assert error.value.message.startswith(f"--it: {text!r} is not ")


def test_lists_are_read_part_by_part() -> None:
    """Spaces are allowed, a repeated value counts once, and an error names the part."""
    reader = make_list_reader(int, "a number")
    assert read(reader, "3, 1,3") == (3, 1)
    assert read(reader, None) is None
    with pytest.raises(click.UsageError) as error:
        read(reader, "3,x")
    assert error.value.message == "--it: 'x' is not a number (several are separated by commas)"


def test_the_nearest_word_is_named() -> None:
    """Where the values are words."""
    words = Choice(("fork", "forkserver", "spawn"))
    reader = make_list_reader(words.parse, words.allowed, words.options)
    for text, end in (("fork,Forksever", "commas); did you mean forkserver?"), ("xyzzy", "commas)")):
        with pytest.raises(click.UsageError) as error:
            read(reader, text)
        assert error.value.message.endswith(end)


def test_values_of_params_are_literals() -> None:
    """A text `false` would be true in the user's function."""
    option = click.Option(["--param"])
    texts = ("a=1,0.5,None,True", "b=false,true,no")
    found = option_readers.read_params(click.Context(click.Command("sweep")), option, texts)
    assert found == {"a": (1, 0.5, None, True), "b": (False, True, "no")}
