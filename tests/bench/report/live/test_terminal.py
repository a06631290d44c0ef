"""The display of progress on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.analysis.leaders import Leader, Leaders
from bench.analysis.statistics import Estimate
from bench.report.live.state import ProgressState
from bench.report.live.terminal import TerminalDisplay, draw_leaders, draw_line

NAME = "dataloader num_workers=4 prefetch_factor=2 persistent_workers=on pin_memory=off in_order=off"


def make_leaders(count: int = 4) -> Leaders:
    """Return as many leaders as a table has, the last one the step alone."""
    places = [
        Leader(f"{NAME} number={n}", Estimate(1e6 / (n + 1), None, None, 3), Estimate(4.0, 3.9, 4.1, 3))
        for n in range(count)
    ]
    step = Leader("the step alone", Estimate(2e6, None, None, 3), Estimate(8.0, 7.9, 8.1, 3), is_ceiling=True)
    return Leaders((*places, step), 1, 200)


def make_console(width: int) -> Console:
    return Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=None, legacy_windows=False
    )


@pytest.mark.parametrize("width", [24, 40, 60, 80, 100, 200])
def test_eight_lines_that_fit_at_any_width(width) -> None:
    """Names lose their starts, since their ends say what varies."""
    console = make_console(width)
    state = ProgressState(119, 600, "about 1 h 12 min left", "block 1/3", NAME)
    console.print(draw_line(state, width))
    console.print(draw_leaders(make_leaders(), min(width, 100)))
    lines = console.file.getvalue().splitlines()
    assert len(lines) <= 8
    assert max(len(line.rstrip()) for line in lines) <= width
    assert sum("number=" in line for line in lines) >= (4 if width >= 40 else 0)
    if width >= 80:
        assert "119/600 about 1 h 12 min left" in lines[0]
        assert lines[0].rstrip().endswith("in_order=off")
        assert lines[-1].split() == ["the", "step", "alone", "2,000,000", "8", "7.9–8.1"]


def test_nothing_is_drawn_while_a_trial_runs() -> None:
    """No thread refreshes the display, and the leaders are found once a trial, when it has ended."""
    console, calls = make_console(100), []

    def find() -> Leaders:
        calls.append(1)
        return make_leaders()

    display = TerminalDisplay(console)
    display.start(ProgressState(0, 2, find_leaders=find))
    display.begin_trial(ProgressState(0, 2, "about 2 s left", "block 1/1", "num_workers=0", find))
    assert not display._live.auto_refresh
    assert len(calls) == 1
    display.end_trial(ProgressState(1, 2, "about 1 s left", "block 1/1", "", find))
    display.stop(ProgressState(2, 2))
    assert len(calls) == 2
    assert "block 1/1  num_workers=0" in console.file.getvalue()


def test_the_display_leaves_nothing() -> None:
    """The answer takes its place."""
    console = make_console(100)
    display = TerminalDisplay(console)
    display.start(ProgressState(0, 2, find_leaders=make_leaders))
    display.stop(ProgressState(2, 2))
    # Each line is erased again: up one line, erase it.
    assert console.file.getvalue().count("\x1b[1A\x1b[2K") >= 7
