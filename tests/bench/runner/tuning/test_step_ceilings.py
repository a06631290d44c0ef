"""Tests of the step alone, beside the fresh trials of a tuning."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.analysis.tuning.lab import LabClosedError
from bench.plan.ceiling_loaders import OwnStepCeiling, StepCeiling
from bench.runner.tuning.process_lab import ProcessLab
from bench.runner.tuning.step_ceilings import StepCeilings
from tests.bench.runner.tuning.test_process_lab import EndingTrials, Trials, make_lab, make_run

OWN, PICTURES = OwnStepCeiling((), 1 << 20), StepCeiling(batch_size=4)


def make_ceilings(*runs: SimpleNamespace) -> tuple[StepCeilings, ProcessLab, list[int]]:
    """Return the ceilings of some runs, their lab, and the places that are measured."""
    measured: list[int] = []
    trials = Trials((1.0,) * len(runs))
    run_trial = trials.run_trial
    trials.runs = runs  # type: ignore[assignment]
    trials.run_trial = lambda place, *args, **named: (  # type: ignore[method-assign]
        measured.append(place) or run_trial(place, *args, **named)
    )
    lab, _ = make_lab(trials)
    return StepCeilings(lab), lab, measured


def test_each_step_that_bounds_one_of_them_is_measured_once() -> None:
    runs = [make_run(None)] * 3 + [make_run({0, 1}, OWN), make_run({2}, OWN)]
    ceilings, _, measured = make_ceilings(*runs)
    ceilings.measure([0, 1], 0)
    assert measured == [3]
    ceilings.measure([0, 2], 1)
    assert measured == [3, 3, 4]


def test_capturing_the_batches_of_an_own_loader_takes_time() -> None:
    """Up to two seconds. Ten batches of the present one take 1.1 s."""
    unseen_s = 0.5 + 0.2 + 0.5
    for spec, capture_s in ((OWN, 1.1), (PICTURES, 0.0)):
        ceilings, _, _ = make_ceilings(make_run(None), make_run({0}, spec))
        assert ceilings.estimate_s([0]) == pytest.approx(unseen_s + capture_s)


def test_measured_ones_are_estimated_by_what_they_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is longer than their epochs."""
    ceilings, lab, _ = make_ceilings(make_run(None), make_run({0}, OWN))
    readings = iter([10.0, 13.0, 20.0, 25.0, 30.0, 34.0])
    monkeypatch.setattr(
        "bench.runner.tuning.step_ceilings.read_running_s", lambda: next(readings), raising=True
    )
    for block in range(3):
        ceilings.measure([0], block)
    assert ceilings.estimate_s([0]) == 4.0
    assert lab.tallies["confirm"].trials == 3


def test_interrupt_of_a_ceiling_closes_the_lab() -> None:
    """The race was over."""
    lab, _ = make_lab(EndingTrials(2, KeyboardInterrupt()))
    ceilings = StepCeilings(lab)
    assert lab.measure("confirm", 1, 0).samples_per_s is not None
    with pytest.raises(LabClosedError):
        ceilings.measure([0, 1], 0)
    assert lab.interrupted
    assert lab.find_stop() is None
    with pytest.raises(LabClosedError):
        lab.measure("confirm", 0, 0)


def test_without_fresh_blocks_there_is_none() -> None:
    lab, _ = make_lab()
    del lab.stages["confirm"]
    assert StepCeilings(lab).estimate_s([0, 1]) == 0.0
