"""What isn't faster is never returned: on simulated speeds and a simulated clock."""

from __future__ import annotations

import random
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from bench.runner.in_process import conclude, in_process_lab, tune_in_process
from bench.runner.in_process.remembered import Remembered
from bench.runner.in_process.trial_epoch import TrialEpoch
from bench.runner.in_process.tuning_order import TuningOrder

BATCH_SIZE, START_S = 4, 0.005
WORKERS = (0, 1, 2, 3)
KNOBS = {"num_workers": WORKERS, "prefetch_factor": (2,), "persistent_workers": (False,)}


class World:
    """A machine whose settings have known speeds.

    Attributes:
        now_s: reading of its clock.
    """

    def __init__(self, monkeypatch, batches_s: dict[int, float], noise: float, seed: int) -> None:
        """Replace the clock and the trials.

        Args:
            monkeypatch: puts everything back.
            batches_s: seconds of a batch by the number of workers.
            noise: spread of a trial.
            seed: decides the noise.
        """
        self.now_s = 0.0
        self._batches_s = batches_s
        self._noise = noise
        self._random = random.Random(seed)
        clock = SimpleNamespace(monotonic=lambda: self.now_s, perf_counter=lambda: self.now_s)
        for module in (in_process_lab, conclude):
            monkeypatch.setattr(module, "time", clock)
        for module in (in_process_lab, tune_in_process):
            monkeypatch.setattr(module, "run_epoch", self._run)
        # It goes by the real clock, and nothing hangs here.
        monkeypatch.setattr(tune_in_process, "interrupt_at", nullcontext)

    def _run(self, loader, _cut, _step, plan) -> TrialEpoch:
        batch_s = self._batches_s[loader.num_workers] * self._random.lognormvariate(0, self._noise)
        total_s = START_S + batch_s * plan.batches
        self.now_s += total_s
        return TrialEpoch(START_S + batch_s, batch_s, plan.batches, BATCH_SIZE * plan.batches, total_s, 128)


def tune(monkeypatch, batches_s: dict[int, float], noise: float, seed: int) -> Remembered:
    world = World(monkeypatch, batches_s, noise, seed)
    loader = DataLoader(TensorDataset(torch.arange(40_000)), BATCH_SIZE)
    order = TuningOrder(in_process_lab.Budget(10.0, 0.0), 2, lambda batch: None, KNOBS)
    result = tune_in_process.tune_in_process(loader, order)
    assert world.now_s <= 10.0
    assert result.reason == "" or result.reason.startswith("undecided after ")
    return result


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_equal_settings_are_no_gain(monkeypatch, noise) -> None:
    """At most the nominal one of twenty claims one."""
    results = [tune(monkeypatch, dict.fromkeys(WORKERS, 0.01), noise, seed) for seed in range(10)]
    assert sum(bool(result.settings) for result in results) <= 1


@pytest.mark.parametrize("noise", [0.02, 0.1])
@pytest.mark.parametrize("loss", [1.03, 1.3])
def test_slower_settings_are_never_returned(monkeypatch, noise, loss) -> None:
    """The loader stays as given."""
    speeds = {0: 0.01, **dict.fromkeys(WORKERS[1:], 0.01 * loss)}
    for seed in range(3):
        assert tune(monkeypatch, speeds, noise, seed).settings == {}


def test_a_faster_setting_is_returned(monkeypatch) -> None:
    """With an interval above 1, which holds its gain."""
    result = tune(monkeypatch, {0: 0.01, 1: 0.02, 2: 0.005, 3: 0.006}, 0.02, 0)
    assert result.settings == {"num_workers": 2, "prefetch_factor": 2}
    assert result.gain is not None
    assert 1 < result.gain[1] <= 2 <= result.gain[2]
