"""The result of an A/A check in words."""

from __future__ import annotations

from dataclasses import replace

from bench.analysis.aa import check_aa
from bench.analysis.summary import summarise
from bench.report.sweep.aa_report import print_aa
from tests.bench import runs
from tests.bench.report.printing import capture
from tests.bench.runs import blocks, failed, timed


def twins(number: int, wall_s: float, workers: str = "0") -> list:
    """Make a configuration, and its twin under the next number, whose epochs take `wall_s`."""
    same = {"knobs": {**timed(0, 0, 1.0).knobs, "num_workers": workers}, "baseline": number}

    def three_blocks(number: int, wall_s: float) -> list:
        return [replace(timed(number, b, wall_s * (1 + b / 1000)), **same) for b in range(3)]

    return [*three_blocks(number, 1.0), *three_blocks(number + 1, wall_s)]


def report(folder, rows) -> str:
    summary = summarise(runs.table(folder, rows))
    return capture(lambda console: print_aa(console, summary, check_aa(summary)))


def test_twins_that_are_told_apart_fail(tmp_path) -> None:
    """More often than chance explains; the largest false difference is told."""
    assert report(tmp_path, [*twins(0, 0.8), *twins(2, 1.25)]) == (
        "A/A fails: 2 of 2 pairs told apart, largest false difference 25.0%. "
        "At the nominal 5%, chance explains up to 1.\n"
    )


def test_each_configuration_of_twins_has_a_line(tmp_path) -> None:
    """A sweep of several configurations has a line for each, and counts pairs without an interval."""
    text = report(tmp_path, [*twins(0, 1.0), *twins(2, 1.0, workers="2"), *twins(4, 1.0), failed(5, 3)])
    assert "num_workers=2: 0 of 1 pair told apart, largest false difference 0.0%" in text
    assert "A/A holds: 0 of 2 pairs told apart" in text
    assert "1 pair without an interval" in text


def test_twins_of_two_blocks_say_nothing(tmp_path) -> None:
    """Two blocks give no interval, so nothing can be claimed."""
    assert "A/A says nothing" in report(tmp_path, [*blocks(0, [1.0, 1.0]), *blocks(1, [1.0, 1.0])])
