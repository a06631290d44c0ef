"""The first look of a tuning: it ends with --timeout or with the budget."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.plan.axes import SpaceFacts
from bench.plan.plan import PlanError
from bench.plan.search_space import SearchSpace
from bench.process.running_clock import read_running_s
from bench.runner.epoch_cut import CutError
from bench.runner.first_look import FirstLook
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


@pytest.mark.parametrize(
    ("wait_s", "device", "hidden", "is_all"),
    [
        (0.001, "cpu", 0.002 / 0.098, False),
        (0.001, "cpu", None, True),
        (0.01, "cpu", None, False),
        (0.001, "cuda", None, False),
    ],
)
def test_step_that_hides_the_loading_asks_for_fewer_settings(
    monkeypatch: pytest.MonkeyPatch, wait_s: float, device: str, hidden: float | None, is_all: bool
) -> None:
    """Unless nothing else is left. On a GPU waits don't tell."""
    made: list[float | None] = []
    present: Any = SimpleNamespace(device=device)

    def make(request: Any, offer: Any, present: Any, facts: SpaceFacts) -> SearchSpace:
        made.append(facts.hidden_gain)
        if is_all and facts.hidden_gain is not None:
            raise PlanError("there is nothing else")
        return SearchSpace((present,), (), {})

    monkeypatch.setattr(module, "make_space", make)
    monkeypatch.setattr(module, "find_facts", lambda sweep, waiting: SpaceFacts(2.0, False, 2, waiting))
    monkeypatch.setattr(module, "count_whole_batches", lambda *_: None)
    for name in ("leave_out_long_prepared", "leave_out_infeasible"):
        monkeypatch.setattr(module, name, lambda space, *_: space)
    sweep: Any = SimpleNamespace(
        plan=SimpleNamespace(configurations=[present]),
        options=SimpleNamespace(timeout_s=300.0, memory_limit=None),
        folder=Path(),
    )
    options: Any = SimpleNamespace(regret=0.03, order=SimpleNamespace(request=None))
    nothing: Any = None
    first = FirstLook(process_s=0.5, ends_s=0.1, batch_s=0.1, step_s=0.1, wait_s=wait_s, late_batch_s=0.1)
    monkeypatch.setattr(module, "order_by_promise", lambda configurations, *_: configurations)
    found = Search(options, sweep, nothing, nothing).make_space(nothing, first)
    assert found.configurations == (present,)
    assert made[-1] == (None if hidden is None else pytest.approx(hidden))
    assert len(made) == 1 + is_all
