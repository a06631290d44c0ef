"""Tests of the keeping of results: what fails, what ends early, and what is told of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bench.process import interrupts
from bench.process.errors import ProcessError
from bench.records.errors import StorageError
from bench.validation.keeping import Failure, attempt, keep_results, print_missing, write_failures


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_a_failure_has_its_cause() -> None:
    """An error that explains itself is told as it is, another one with its type and place."""
    assert attempt("one", lambda: 3) == 3
    assert attempt("one", raising(ProcessError("no process"))) == Failure("one", "no process")
    unexpected = attempt("one", raising(KeyError("a\nb")))
    assert isinstance(unexpected, Failure)
    assert unexpected.cause.startswith("KeyError: 'a\\nb' (test_keeping.py:")


@pytest.mark.parametrize("error", [StorageError(Path("x"), OSError("full")), KeyboardInterrupt()])
def test_what_would_end_all_others_too_is_no_failure_of_one(error) -> None:
    with pytest.raises(type(error)):
        attempt("one", raising(error))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_results_are_concluded_however_they_end(error) -> None:
    concluded = []
    with pytest.raises(type(error)), keep_results(concluded.append):
        raise error
    with keep_results(concluded.append):
        assert concluded == [False]
    assert concluded == [False, True]


def test_an_interrupt_waits_until_the_results_are_concluded(monkeypatch) -> None:
    monkeypatch.setattr(interrupts._State, "first", None)
    monkeypatch.setattr(interrupts._State, "pending", False)
    concluded = []

    def conclude(is_whole: bool) -> None:
        interrupts._handle(2, None)
        concluded.append(is_whole)

    with pytest.raises(KeyboardInterrupt), keep_results(conclude):
        pass
    assert concluded == [True]


@pytest.mark.parametrize(
    ("ended", "failures", "told"),
    [
        (None, (), ""),
        (2, (), "Ended early: 2 of 3 cases measured\n"),
        (None, (Failure("b", "gone [red]"),), "1 of 3 cases failed:\n  b: gone [red]\n"),
        (1, (Failure("b", "gone"),), "1 of 3 cases failed:\n  b: gone\nEnded early: 1 of 3 cases measured\n"),
    ],
)
def test_what_is_missing_is_told(ended, failures, told) -> None:
    out = io.StringIO()
    print_missing(Console(file=out, width=100), ended, 3, "case", failures)
    assert out.getvalue() == told


def test_failures_are_a_file_where_there_are_any(tmp_path) -> None:
    write_failures(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
    write_failures(tmp_path, [Failure("b", "gone")])
    assert pd.read_csv(tmp_path / "failures.csv").to_dict("records") == [{"name": "b", "cause": "gone"}]
