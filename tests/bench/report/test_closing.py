"""The last lines of a sweep."""

from __future__ import annotations

from pathlib import Path

from bench.report.closing import print_end
from bench.report.sweep_outcome import SweepOutcome
from tests.bench.report.printing import capture


def end(outcome: SweepOutcome) -> list[str]:
    return capture(lambda c: print_end(c, Path("my results"), outcome), width=60).splitlines()


def test_a_complete_sweep_names_its_folder() -> None:
    """Nothing is missing."""
    assert end(SweepOutcome()) == ["Results: my results"]


def test_an_incomplete_sweep_can_be_resumed() -> None:
    """By a command that can be pasted: one line, with the folder's name quoted."""
    command = "To measure the rest: python -m bench.sweep --resume 'my results'"
    assert end(SweepOutcome(problem=OSError("disk"))) == [command, "Results: my results"]
    assert end(SweepOutcome(left_out=2, interrupted=True)) == [
        "The budget left out 2 trials; --blocks or --budget give more.",
        "Interrupted: what was measured until then is kept.",
        command,
        "Results: my results",
    ]
