"""Trials in the process that trains."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info

from bench.analysis.tuning.lab import LabClosedError
from bench.machine.feasibility import MEMORY, SHARED_MEMORY, Limit
from bench.runner.in_process import tune_in_process as in_process
from bench.runner.in_process.in_process_lab import (
    NEEDS_GUARD,
    NEEDS_MODULE,
    Budget,
    InProcessLab,
    describe_failure,
)
from bench.runner.in_process.loader_copies import LoaderCopies
from bench.runner.in_process.stand_in_step import StandInStep
from bench.runner.in_process.trial_epoch import TrialEpoch
from loaders.spec.turn_knobs import read_settings
from tests.bench.runner.in_process.ticking_clock import TickingClock

PILOT = TrialEpoch(0.5, 0.1, 4, 16, 0.8, 128)


class Failing(Dataset):
    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> int:
        if get_worker_info() is not None:
            raise RuntimeError("no worker can open this file")
        return index


def make_lab(loader, seconds: float = 30.0, step=lambda batch: None, began_s: float | None = None):
    present = read_settings(loader)
    settings = [present, replace(present, num_workers=1, prefetch_factor=2)]
    budget = Budget(seconds, time.monotonic() if began_s is None else began_s)
    return InProcessLab(LoaderCopies(loader), settings, step, budget, PILOT)


@pytest.fixture
def loader():
    return DataLoader(TensorDataset(torch.arange(40)), 4)


def test_trials_are_planned_by_the_pilot(loader) -> None:
    """A share of the budget, by the pilot's rate, and two turns of the workers at least."""
    lab = make_lab(loader, seconds=100)
    assert [lab.estimate_s(stage, 0) for stage in ("screen", "race", "confirm")] == pytest.approx(
        [1.4, 1.6, 1.8]
    )
    assert make_lab(loader, seconds=15).estimate_s("race", 0) == pytest.approx(0.8)


def test_trials_are_as_short_as_can_be_where_few_would_fit(loader) -> None:
    """Else a budget with time for too few of them would give no answer."""
    assert make_lab(loader, seconds=9).estimate_s("race", 0) == pytest.approx(0.6)


def test_a_trial_gives_the_speed_of_a_whole_epoch(loader) -> None:
    """The next estimate is that of the trial."""
    lab = make_lab(loader, step=lambda batch: time.sleep(0.002))
    measured = lab.measure("race", 0, 0)
    assert measured.samples_per_s is not None
    assert 0 < measured.samples_per_s < 4 / 0.002
    assert lab.estimate_s("race", 0) == pytest.approx(measured.seconds)


@pytest.mark.parametrize(("size", "cap_s"), [(16, 8.0), (2, 2.0)])
def test_larger_batches_may_take_longer(loader, monkeypatch, size, cap_s) -> None:
    """A trial has as many batches, whatever their size. The start of workers takes no less time."""
    plans = []

    def run(_loader, _cut, _step, plan) -> TrialEpoch:
        plans.append(plan)
        return PILOT

    monkeypatch.setattr("bench.runner.in_process.in_process_lab.run_epoch", run)
    present = read_settings(loader)
    settings = [present, replace(present, batch_size=size)]
    lab = InProcessLab(
        LoaderCopies(loader), settings, lambda batch: None, Budget(30.0, time.monotonic()), PILOT
    )
    lab.measure("race", 1, 0, cap_s=2.0)
    assert plans[0].cap_s == cap_s


def test_a_setting_that_fails_has_a_problem() -> None:
    """Others go on."""
    lab = make_lab(DataLoader(Failing(), 4))
    measured = lab.measure("race", 1, 0)
    assert measured.samples_per_s is None
    assert "no worker can open this file" in measured.problem
    assert not measured.is_slow
    assert lab.measure("race", 0, 0).samples_per_s


@pytest.mark.parametrize(
    ("method", "text", "script", "hint"),
    [
        ("spawn", "DataLoader worker (pid 7) exited unexpectedly", __file__, NEEDS_GUARD),
        ("spawn", "DataLoader worker (pid 7) exited unexpectedly", "<stdin>", NEEDS_MODULE),
        ("fork", "DataLoader worker (pid 7) exited unexpectedly", __file__, ""),
        ("spawn", "no such file", __file__, ""),
    ],
)
def test_workers_that_end_early_have_a_likely_cause(monkeypatch, loader, method, text, script, hint) -> None:
    """Those that aren't forked run the script again."""
    monkeypatch.setattr(sys.modules["__main__"], "__file__", script, raising=False)
    settings = replace(read_settings(loader), num_workers=1, multiprocessing_context=method)
    line = describe_failure(RuntimeError(text), settings)
    assert line == f"RuntimeError: {text}" + (f"; {hint}" if hint else "")


def test_a_slow_setting_is_ended(loader) -> None:
    """It didn't fail."""
    lab = make_lab(loader, step=lambda batch: time.sleep(0.002))
    measured = lab.measure("race", 0, 0, cap_s=0.001)
    assert (measured.samples_per_s, measured.is_slow) == (None, True)


def test_no_trial_begins_after_the_budget(loader, monkeypatch) -> None:
    """One that is running ends."""
    with pytest.raises(LabClosedError):
        make_lab(loader, seconds=1, began_s=time.monotonic() - 2).measure("race", 0, 0)
    seen, clock = [], TickingClock(monkeypatch, 0.0)

    def step(batch) -> None:
        seen.append(batch)
        clock.now_s += 200.0

    with pytest.raises(LabClosedError):
        make_lab(loader, seconds=100.0, began_s=clock.now_s, step=step).measure("race", 0, 0)
    assert len(seen) == 1


def test_a_stand_in_draws_no_random_numbers() -> None:
    """It is a fixed amount of work."""
    before = torch.get_rng_state()
    StandInStep(0.001)(None)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("step", "has_accelerator", "expected"), [(None, False, True), (None, True, False), (print, False, False)]
)
def test_a_step_stands_in_where_the_training_is_on_the_cpu(
    monkeypatch, step, has_accelerator, expected
) -> None:
    """Its cores are those of the workers."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: has_accelerator)
    assert in_process.needs_stand_in(step) is expected


@pytest.mark.parametrize(
    ("limit", "workers", "fits"),
    [(SHARED_MEMORY, 4, False), (SHARED_MEMORY, 0, True), (MEMORY, 4, False), ("", 4, True)],
)
def test_what_does_not_fit_is_left_out(monkeypatch, loader, limit, workers, fits) -> None:
    """Without workers nothing waits."""
    monkeypatch.setattr(in_process, "find_limits", lambda: {limit: Limit(999, "few")})
    settings = replace(read_settings(loader), num_workers=workers, prefetch_factor=2 if workers else None)
    assert in_process._fits(settings, 100) is fits


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(64))


def test_an_iterable_dataset_is_tuned_with_its_workers(monkeypatch) -> None:
    """Only the queue and the staying of workers are varied."""
    loader = DataLoader(Stream(), 4, num_workers=1)
    # Time for about twenty trials.
    clock = TickingClock(monkeypatch, 3.0)
    order = in_process.TuningOrder(Budget(1000.0, clock.now_s), 2, step=lambda batch: None)
    result = in_process.tune_in_process(loader, order)
    assert result.reason == ""
    assert result.tried > 1
    assert "num_workers" not in result.settings
