"""What tests of whole commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing.context import BaseContext

import pytest

from bench.sweep import main

# A function that runs a sweep with some arguments, and returns exit code, standard output and standard error.
SweepHere = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sweep_here(
    context: BaseContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> SweepHere:
    """Return a function that runs a sweep in this process, which has imported everything already.

    It draws no charts: they have tests of their own, and would take longer than such a short sweep.
    """
    monkeypatch.setattr("bench.report.report_files.make_charts", lambda _: [])

    def sweep(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sweep", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return sweep


@pytest.fixture
def without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no sweep find the commit of the code, which may change before it is resumed."""
    monkeypatch.setenv("GIT_DIR", os.devnull)
