"""Who is told of a sweep that a program runs."""

from __future__ import annotations

import pytest

from bench.report.sweep_observer import SweepObserver
from bench.report.sweep_printer import ProgressPrinter, SweepPrinter, choose_observer


@pytest.mark.parametrize(
    ("verbose", "is_notebook", "expected"),
    [
        (None, False, SweepObserver), (None, True, ProgressPrinter),
        (True, False, SweepPrinter), (True, True, SweepPrinter),
        (False, False, SweepObserver), (False, True, SweepObserver),
    ],
)  # fmt: skip
def test_a_notebook_shows_the_progress_by_default(monkeypatch, verbose, is_notebook, expected) -> None:
    """A program prints nothing, unless it asks for it."""
    monkeypatch.setattr("bench.report.sweep_printer.is_notebook", lambda: is_notebook)
    assert type(choose_observer(verbose)) is expected
