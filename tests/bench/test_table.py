"""What a sweep prints."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from bench import table
from bench.grid import Machine, Request, make_plan
from bench.summary import summarise
from tests.bench import runs
from tests.bench.runs import failed, timed


def printed(call) -> str:
    console = Console(file=io.StringIO(), width=140)
    call(console)
    return console.file.getvalue()


def summary_text(folder, rows) -> str:
    return printed(lambda console: table.print_summary(console, summarise(runs.table(folder, rows))))


def three_blocks(number: int, wall_s: float, **changes) -> list:
    return [replace(timed(number, b, wall_s * (1 + b / 1000)), **changes) for b in range(3)]


def test_the_fastest_is_named(tmp_path) -> None:
    """Outside the interval of the ratio there is a winner."""
    text = summary_text(tmp_path, [*three_blocks(0, 2.0), *three_blocks(1, 1.0)])
    assert "Fastest: num_workers=1" in text
    assert "2–2" in text
    assert "Baseline: num_workers=0" in text


def test_a_tie_is_named_as_one(tmp_path) -> None:
    """Two that lie within their noise have no winner."""
    rows = [
        timed(n, b, wall)
        for n, walls in enumerate(((1, 1.2, 1.1), (1.1, 1, 1.2)))
        for b, wall in enumerate(walls)
    ]
    text = summary_text(tmp_path, rows)
    assert "num_workers=0 and num_workers=1 can't be told apart in 3 blocks" in " ".join(text.split())
    assert "the cheapest of them is num_workers=0" in " ".join(text.split())
    assert "Fastest" not in text


def test_one_far_behind_needs_no_interval(tmp_path) -> None:
    """A configuration that the budget left with two blocks doesn't keep the others from a verdict."""
    rows = [*three_blocks(0, 2.0), *three_blocks(1, 1.0), *three_blocks(2, 30.0)[:2]]
    assert "Fastest: num_workers=1" in summary_text(tmp_path, rows)


def test_what_was_not_measured_says_so(tmp_path) -> None:
    """An interrupted sweep can hold only the cold epoch of a configuration."""
    text = summary_text(tmp_path, [*three_blocks(0, 2.0), replace(timed(1, 0, 1.0), epoch=0)])
    assert "not measured" in text


def test_equal_work_is_one_section(tmp_path) -> None:
    """A resize to the size that the pictures have is the same work: it has one rank 1."""
    resized = {**timed(1, 0, 1.0).knobs, "resize": "28", "num_workers": "0"}
    rows = [*three_blocks(0, 1.0), *three_blocks(1, 2.0, knobs=resized)]
    assert "Fastest: resize=none" in summary_text(tmp_path, rows)


def test_two_percent_is_no_difference(tmp_path) -> None:
    """However narrow the interval: nobody trains faster for it, and more blocks won't change that."""
    text = summary_text(tmp_path, [*three_blocks(0, 1.0), *three_blocks(1, 1.015)])
    assert "num_workers=0 and num_workers=1 are within 2% of each other" in text
    assert "More --blocks" not in text


def test_one_block_names_no_winner(tmp_path) -> None:
    """The fastest of a single block may be so by chance, and it says so."""
    text = summary_text(tmp_path, [timed(0, 0, 2.0), timed(1, 0, 1.0)])
    assert "num_workers=1 was fastest; fewer than three blocks give no interval" in text


def test_failures_are_shown_with_their_reason(tmp_path) -> None:
    """In the table without a rank, and below it why; square brackets are text."""
    text = summary_text(tmp_path, [*three_blocks(0, 1.0), failed(1, 0, "timeout", "not done [after] 5 s")])
    assert "timeout num_workers=1: not done [after] 5 s" in text


def test_the_plan_names_the_baseline_and_what_was_left_out() -> None:
    """One line a configuration, one a reason, and the time it will take."""
    plan = make_plan(
        Request(knobs={"num_workers": (0, 4), "pin_memory": (False, True)}),
        Machine(cuda=False, num_threads=2),
    )
    text = printed(lambda c: table.print_plan(c, plan, ["first", "second"], samples=1000, blocks=3, epochs=2))
    assert "left out 2 configurations: pin_memory=on needs a CUDA device to feed" in text
    assert any(line.split() == ["1", "second", "baseline"] for line in text.splitlines())
    assert "2 configurations × 3 blocks × 2 epochs of 1,000 samples: about" in text


def test_a_notice_is_framed() -> None:
    """It can't be missed, and its square brackets are text."""
    text = printed(lambda console: table.print_notices(console, ["data is [synthetic]"]))
    assert "NOTICE" in text
    assert "data is [synthetic]" in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (789.4, "789"),
        (999.4, "999"),
        (999.6, "1.00k"),
        (26_276, "26.3k"),
        (543_210, "543k"),
        (1.234e6, "1.23M"),
    ],
)
def test_short_numbers_have_three_digits(number, text) -> None:
    """Whatever their size."""
    assert table.short(number) == text


def test_a_narrow_terminal_gets_what_matters(tmp_path) -> None:
    """In 80 columns the names and the speeds are whole."""
    summary = summarise(runs.table(tmp_path, [*three_blocks(0, 2.0), *three_blocks(1, 1.0)]))
    console = Console(file=io.StringIO(), width=80)
    table.print_summary(console, summary)
    assert "…" not in console.file.getvalue()
    assert "num_workers=1" in console.file.getvalue()
    assert "memory" not in console.file.getvalue()
