"""The first look of a tuning: it ends with --timeout or with the budget."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.process.running_clock import read_running_s
from bench.runner.explanation.epoch_cut import CutError
from bench.runner.trial_process import TrialRunner
from bench.runner.tuning import search as module
from bench.runner.tuning.search import Search


def look(monkeypatch: pytest.MonkeyPatch, left_s: float) -> float:
    """Return the seconds that a look may take which fails."""
    limits: list[float] = []

    def fail(workload: Any, configuration: Any, runner: TrialRunner, *_: Any, **__: Any) -> None:
        limits.append(runner.limits.timeout_s)
        raise CutError("not done after 9 s")

    monkeypatch.setattr(module, "choose_cut", fail)
    sweep: Any = SimpleNamespace(
        plan=SimpleNamespace(configurations=[None]),
        options=SimpleNamespace(timeout_s=300.0, memory_limit=None),
        folder=Path(),
    )
    nothing: Any = None
    searched = Search(nothing, sweep, nothing, nothing, read_running_s() + left_s)
    with pytest.raises(CutError) as caught:
        searched.look(nothing)
    assert (str(caught.value) == "--budget ended the first look: not done after 9 s") == (left_s <= 0)
    return limits[0]


@pytest.mark.parametrize(
    ("left_s", "limit_s"), [(20.0, 20.0), (1000.0, 300.0), (float("inf"), 300.0), (-1, 0)]
)
def test_the_shorter_limit_counts(monkeypatch: pytest.MonkeyPatch, left_s: float, limit_s: float) -> None:
    """The line names the budget where that has ended the look."""
    assert look(monkeypatch, left_s) == pytest.approx(limit_s, abs=1.0)
