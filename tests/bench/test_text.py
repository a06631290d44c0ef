"""Numbers, sizes, lists and errors in words."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

import bench
from bench.text import (
    MAX_ERROR_LETTERS,
    abbreviate,
    capitalise,
    choose_unit,
    describe_error,
    format_budget,
    format_bytes,
    format_count,
    format_duration,
    format_limit,
    format_rate,
    format_ratio,
    format_share,
    format_time,
    join_few,
    join_words,
    printable,
    suggest,
)


def test_counts() -> None:
    """Only one is singular."""
    assert [format_count(n, "block") for n in (0, 1, 2, 1000)] == [
        "0 blocks", "1 block", "2 blocks", "1,000 blocks",
    ]  # fmt: skip
    assert [format_count(n, "slow batch") for n in (1, 3)] == ["1 slow batch", "3 slow batches"]
    assert [format_count(2, noun) for noun in ("epoch", "process")] == ["2 epochs", "2 processes"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (0.4567, "0.457"), (4.5, "4.5"), (45.67, "45.7"), (99.97, "100"),
        (789.4, "789"), (999.4, "999"), (999.6, "1.00k"), (1234, "1.23k"), (9994, "9.99k"),
        (9996, "10.0k"), (99_960, "100k"), (999_400, "999k"),
        (999_600, "1.00M"), (123_456_789, "123M"),
    ],
)  # fmt: skip
def test_abbreviated_numbers(number: float, text: str) -> None:
    """A number has three digits, never four."""
    assert abbreviate(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.04567, "0.0457"), (4.5, "4.5"), (45.67, "45.7"), (99.97, "100"), (789.4, "789"), (12345.6, "12,346")],
)
def test_rates(number: float, text: str) -> None:
    """A slow training has fewer than 100 samples/s, of which two digits say too little."""
    assert format_rate(number) == text


def test_lists() -> None:
    """The last name follows `and`. A long list is cut."""
    assert [join_words(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a",
        "a and b",
        "a, b and c",
    ]
    assert join_few("abc") == "a, b and c"
    assert join_few("abcd") == "a, b, c and 1 more"


def test_sizes() -> None:
    """A size has three digits and a fitting unit."""
    assert [format_bytes(n) for n in (0, 999, 2**20, 188_776_448, 2**31, 2**45)] == [
        "0 bytes", "999 bytes", "1 MiB", "180 MiB", "2 GiB", "32,768 GiB",
    ]  # fmt: skip


def test_durations() -> None:
    """A duration has two units at most."""
    assert [format_duration(s) for s in (0.4, 59.4, 59.6, 80, 3600, 7500)] == [
        "0 s", "59 s", "1 min 0 s", "1 min 20 s", "1 h 0 min", "2 h 5 min",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "10s"), (12, "20s"), (90, "90s"), (91, "100s"), (111, "2m"), (3601, "61m")]
)
def test_a_budget_is_rounded_up(seconds, text) -> None:
    """To tens of seconds, and later to minutes."""
    assert format_budget(seconds) == text


def test_only_the_first_letter_becomes_a_capital() -> None:
    """Names in the text stay as they are."""
    assert [capitalise(text) for text in ("the GPU waits", "Train", "")] == ["The GPU waits", "Train", ""]


def test_printable_text_is_one_line() -> None:
    """Control characters and line ends are removed."""
    assert printable(" a\x1b[31m\n\tb\u200b\x07 é ") == "a[31m b é"


def test_an_exception_has_the_place_that_raised_it() -> None:
    """It is the innermost place."""
    with pytest.raises(ValueError, match="no number") as caught:
        int_of("x")
    assert describe_error(caught.value).startswith("ValueError: no number (test_text.py:")
    assert describe_error(caught.value).endswith(" in int_of)")


def int_of(text: str) -> int:
    """Raise an error."""
    raise ValueError("no number")


def test_an_exception_of_a_library_has_the_place_that_called_it() -> None:
    """The library's own place says little to its user, and the user's place not what failed."""

    def decode() -> None:
        json.loads("{")

    with pytest.raises(ValueError, match="Expecting") as caught:
        decode()
    found = describe_error(caught.value)
    assert re.search(r"\(decoder.py:\d+ in \w+, from test_text.py:\d+ in decode\)$", found)


def test_a_workers_exception_has_no_place_of_the_training_loop() -> None:
    """The loop only waited for the worker."""
    text = (
        "Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
        f'  File "{pytest.__file__}", line 12, in collate\n    raise ValueError\nValueError: odd shapes\n'
    )
    with pytest.raises(ValueError, match="Caught") as caught:
        raise ValueError(text)
    assert describe_error(caught.value).endswith(" (__init__.py:12 in collate)")


def test_a_workers_exception_is_described_by_its_cause() -> None:
    """The DataLoader passes on a worker's traceback as text, whose last line is the cause."""
    error = ValueError(
        "Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
        '  File "somewhere/mine.py", line 12, in __getitem__\n    raise ValueError\n'
        "ValueError: bad pixel\n"
    )
    assert describe_error(error) == (
        "ValueError: Caught ValueError in DataLoader worker process 0. ValueError: bad pixel "
        "(mine.py:12 in __getitem__)"
    )


def test_an_exception_has_no_addresses() -> None:
    """They differ from run to run, so that one reason would look like many."""
    error = ValueError("can't pickle <function <lambda> at 0x7f3aB2> at 0x1 of 0x10 bytes")
    assert describe_error(error) == "ValueError: can't pickle <function <lambda>> of 0x10 bytes"


def test_a_module_whose_name_begins_like_a_package_is_the_users() -> None:
    """A benchmark.py beside the package `bench` belongs to no library."""
    package = Path(bench.__file__).parent
    lines = [(package / "text.py", "own"), (package.with_name("benchmark.py"), "mine")]
    texts = [f'  File "{file}", line 1, in {function}\n' for file, function in reversed(lines)]
    error = ValueError(
        f"Caught it.\nOriginal Traceback (most recent call last):\n{''.join(texts)}ValueError: no"
    )
    assert describe_error(error).endswith(" (text.py:1 in own, from benchmark.py:1 in mine)")


def test_an_exception_without_words_is_described() -> None:
    """Its description is its type."""
    assert describe_error(KeyError()) == "KeyError: "


def test_an_endless_exception_is_cut() -> None:
    """Its description has a limited length."""
    assert describe_error(ValueError("x" * 5000)) == f"ValueError: {'x' * MAX_ERROR_LETTERS}…"


def test_a_ratio_has_three_digits_and_no_exponent() -> None:
    """A loader may be thousands of times as fast."""
    assert [format_ratio(ratio) for ratio in (0.0123, 1.0, 1.619, 99.9, 99.96, 2432.1)] == [
        "0.0123", "1", "1.62", "99.9", "100", "2,432",
    ]  # fmt: skip


TIMES = [
    (0.0, "0 µs"),
    (1.234e-7, "0.12 µs"),
    (1e-9, "<0.01 µs"),
    (9.87e-6, "9.87 µs"),
    (1.23456e-4, "123 µs"),
    (9.996e-4, "1 ms"),
    (0.0121, "12.1 ms"),
    (1.5, "1.5 s"),
    (7200.0, "7,200 s"),
    (-2.5e-5, "-25 µs"),
    (math.nan, "? µs"),
    (math.inf, "infinitely long"),
]


@pytest.mark.parametrize(("seconds", "text"), TIMES)
def test_times_have_three_digits_and_a_unit(seconds, text) -> None:
    """Negative ones too: a difference of two times may lie below 0."""
    assert format_time(seconds) == text


def test_one_unit_suits_all_durations() -> None:
    """That of the longest; unknown ones count for nothing."""
    assert choose_unit([1e-6, 0.2, math.nan, math.inf]).name == "ms"
    assert choose_unit([-0.2]).name == "ms"
    assert choose_unit([]).name == "µs"


def test_the_reach_of_an_interval_has_two_digits() -> None:
    """It is never shown as none."""
    unit = choose_unit([1e-6])
    reaches = (0.0, 1e-9, 1.234e-7, 9.6e-7, 2.66e-6, 1.41e-5, 1.41e-3)
    shown = ["0.01", "0.01", "0.12", "1", "2.7", "14", "1,410"]
    assert [unit.format_reach(reach) for reach in reaches] == shown


def test_a_small_share_is_no_zero() -> None:
    """But none is."""
    assert [format_share(share) for share in (0.0, 0.001, 0.005, 0.66, math.nan)] == [
        "0%",
        "<1%",
        "<1%",
        "66%",
        "?",
    ]


def test_a_limit_is_rounded_up() -> None:
    """What it limits may be that large. Errors of floating point add nothing."""
    assert [format_limit(share) for share in (0.0, 0.0002, 0.011, 0.0111, 0.3)] == [
        "0%",
        "0.1%",
        "1.1%",
        "1.2%",
        "30%",
    ]


def test_the_nearest_name_is_suggested() -> None:
    """As it is shown; or nothing, where none is near."""
    assert suggest("sweeep", ["explain", "sweep"]) == "; did you mean sweep?"
    assert suggest("trian", ["train"], shown={"train": "train.py"}) == "; did you mean train.py?"
    assert suggest("xyzzy", ["explain", "sweep"]) == ""
    assert suggest("lr", ["learning_rate"], likeness=0.2) == "; did you mean learning_rate?"
