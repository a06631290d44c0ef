"""Cut epochs: where they end, and what a whole one would take."""

from __future__ import annotations

import time

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from bench.runner.in_process import trial_epoch
from bench.runner.in_process.loader_copies import CutSampler
from bench.runner.in_process.trial_epoch import EpochLimits, NoBatchError, TrialEpoch, run_epoch

FOREVER_S = float("inf")


class Clock:
    """A clock that a step moves."""

    def __init__(self, monkeypatch) -> None:
        self.now_s = 0.0
        for name in ("perf_counter", "monotonic"):
            monkeypatch.setattr(trial_epoch.time, name, lambda: self.now_s)

    def make_step(self, *lengths_s: float):
        left = list(lengths_s)

        def step(batch) -> None:
            self.now_s += left.pop(0)

        return step


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def run(step, plan: EpochLimits, samples: int = 40) -> TrialEpoch:
    loader = DataLoader(TensorDataset(torch.arange(samples)), 4)
    return run_epoch(loader, CutSampler(loader.batch_sampler), step, plan)


def test_start_and_steady_rate_are_apart(clock) -> None:
    """The rate is that of the second half, when the queue that was filled at the start is gone."""
    epoch = run(clock.make_step(10, 1, 1, 1, 2, 2), EpochLimits(6, FOREVER_S))
    assert (epoch.startup_s, epoch.batches, epoch.samples, epoch.total_s) == (10, 6, 24, 17)
    assert epoch.steady_s == pytest.approx(5 / 3)
    assert epoch.extrapolate(10) == pytest.approx(40 / (10 + 9 * 5 / 3))
    assert epoch.extrapolate(None) == pytest.approx(4 / (5 / 3))
    assert epoch.extrapolate(6) == pytest.approx(24 / 17)


def test_an_epoch_that_ends_is_taken_as_it_is(clock) -> None:
    """Nothing is extrapolated."""
    epoch = run(clock.make_step(1, 2), EpochLimits(6, FOREVER_S), samples=6)
    assert epoch.has_ended
    assert epoch.extrapolate(2) == epoch.extrapolate(None) == 2


def test_a_single_batch_is_all_that_is_known(clock) -> None:
    """It stands for the others."""
    assert run(clock.make_step(2), EpochLimits(1, FOREVER_S)).steady_s == 2


def test_a_slow_epoch_is_ended(clock) -> None:
    """A last batch beyond the cap is no reason any more."""
    steps = clock.make_step(2, 2, 2, 2)
    assert run(steps, EpochLimits(4, FOREVER_S, cap_s=3)).is_slow
    assert not run(steps, EpochLimits(2, FOREVER_S, cap_s=3)).is_slow


def test_a_deadline_ends_an_epoch(clock) -> None:
    """After the batch that passes it."""
    epoch = run(clock.make_step(2, 2, 2), EpochLimits(9, until_s=3))
    assert (epoch.is_late, epoch.batches, epoch.has_ended) == (True, 2, False)


def test_an_epoch_without_a_batch_is_an_error() -> None:
    """There is nothing to time."""
    with pytest.raises(NoBatchError):
        run(lambda batch: None, EpochLimits(2, FOREVER_S), samples=0)


def test_workers_end_when_the_step_fails() -> None:
    """An interrupt passes through."""
    loader = DataLoader(TensorDataset(torch.arange(40)), 4, num_workers=1, persistent_workers=True)
    pids = []

    def step(batch) -> None:
        pids.extend(worker.pid for worker in loader._iterator._workers)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_epoch(loader, CutSampler(loader.batch_sampler), step, EpochLimits(4, time.monotonic() + 60))
    import psutil

    assert pids
    assert not any(psutil.pid_exists(pid) for pid in pids)


@pytest.mark.parametrize(
    ("batches", "turn", "tail"), [(2, 1, 1), (1, 1, 0), (16, 4, 8), (15, 4, 4), (8, 8, 4), (20, 3, 9)]
)
def test_whole_turns_tell_the_rate(batches, turn, tail) -> None:
    """Workers deliver in turn, so their batches come together."""
    assert trial_epoch._count_tail(batches, turn) == tail
