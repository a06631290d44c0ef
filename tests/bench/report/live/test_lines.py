"""The display of progress in plain lines."""

from __future__ import annotations

import io

from rich.console import Console

from bench.analysis.leaders import Leader, Leaders
from bench.analysis.statistics import Estimate
from bench.report.live.lines import LineDisplay
from bench.report.live.state import ProgressState


def test_a_line_a_trial_and_the_leaders_after_each_block() -> None:
    """Names aren't read as markup."""
    console = Console(file=io.StringIO(), width=120)
    places = [
        Leader(f"size=[{n}]", Estimate(3000.0 / n, None, None, 1), Estimate(3 / n, None, None, 1))
        for n in (1, 2, 3)
    ]
    display = LineDisplay(console)
    for done, block in enumerate((1, 1, 2)):
        state = ProgressState(
            done, 3, "about 2 s left", f"block {block}/2", "size=[1]", lambda: Leaders(tuple(places), 1, 3)
        )
        display.begin_trial(state)
        display.end_trial(state)
    assert console.file.getvalue().splitlines() == [
        "[1/3] about 2 s left         block 1/2  size=[1]",
        "[2/3] about 2 s left         block 1/2  size=[1]",
        "Best so far: size=[1] at 3,000 samples/s (3 × base); size=[2] at 1,500 samples/s (1.5 × base)",
        "[3/3] about 2 s left         block 2/2  size=[1]",
    ]
