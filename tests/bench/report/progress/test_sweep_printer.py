"""Who is told of a sweep that a program runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.report.progress.sweep_observer import SweepObserver
from bench.report.progress.sweep_printer import ProgressPrinter, SweepPrinter, choose_observer


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
    monkeypatch.setattr("bench.report.progress.sweep_printer.is_notebook", lambda: is_notebook)
    assert type(choose_observer(verbose)) is expected


@pytest.mark.parametrize("kind", [SweepObserver, SweepPrinter])
def test_notice_that_comes_again_is_told_once(kind: type[SweepObserver]) -> None:
    """Each part of a tuning makes its loaders ready."""
    console = Console(file=io.StringIO(), width=100)
    observer = kind(console)
    for text in ("Data are synthetic.", "The disk is slow.", "Data are synthetic."):
        observer.notice(text)
    assert observer.notices == ["Data are synthetic.", "The disk is slow."]
    assert console.file.getvalue().count("synthetic") == (kind is SweepPrinter)
