"""What replays read of the step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.replay.step_times import read_step_times
from tests.bench.analysis.replay.traces import MadeUpLoader


def test_a_step_alone_sets_the_mean_and_its_cores() -> None:
    """The trace tells how steps vary."""
    loader = MadeUpLoader(step_s=0.004, step_cores=1.5)
    trace = loader.make_trace()
    uneven = replace(trace, done_s=trace.done_s + np.where(np.arange(64) % 2, 0.004, 0.0))
    setup = loader.make_setup(num_threads=2)
    found = read_step_times(uneven, setup, [loader.make_step_row(0)], [])
    assert found.step_s.mean() == pytest.approx(0.004)
    assert found.step_s[1] == pytest.approx(2 * found.step_s[0])
    assert found.cores == pytest.approx(1.5)
    assert found.is_alone


def test_a_cold_epoch_of_the_step_does_not_count() -> None:
    """It warms up."""
    loader = MadeUpLoader(step_s=0.004)
    steady = loader.make_step_row(0)
    cold = replace(steady, epoch=0, step_s=9.0, wall_s=9.0)
    found = read_step_times(loader.make_trace(), loader.make_setup(), [cold, steady], [])
    assert found.step_s.mean() == pytest.approx(0.004)


def test_on_a_gpu_the_hosts_clock_sees_no_step() -> None:
    """The mean of the step alone stands for each, with the share of its transfer."""
    loader = MadeUpLoader(step_s=0.006, transfer_s=0.002)
    found = read_step_times(loader.make_trace(), loader.make_setup(), [loader.make_step_row(0)], [])
    assert found.step_s == pytest.approx(np.full(64, 0.006))
    assert found.transfer_s == pytest.approx(np.full(64, 0.002))


def test_a_step_alone_that_has_no_transfer_leaves_that_of_the_trace() -> None:
    """Captured batches lie on the step's device already."""
    loader = MadeUpLoader(step_s=0.004, transfer_s=0.012)
    row = replace(loader.make_step_row(0), transfer_s=0.0)
    found = read_step_times(loader.make_trace(), loader.make_setup(device="cpu"), [row], [])
    assert found.step_s == pytest.approx(np.full(64, 0.004))
    assert found.transfer_s == pytest.approx(np.full(64, 0.012))


def test_on_a_gpu_the_trace_tells_the_transfer_of_captured_batches() -> None:
    """They lie on the device already while the step is measured alone."""
    loader = MadeUpLoader(step_s=0.006, transfer_s=0.002)
    alone = replace(loader.make_step_row(0), transfer_s=0.0)
    found = read_step_times(loader.make_trace(), loader.make_setup(), [alone], [])
    assert found.step_s == pytest.approx(np.full(64, 0.006))
    assert found.transfer_s == pytest.approx(np.full(64, 0.002))


@pytest.mark.parametrize(("step", "cores"), [("none", 0.0), ("12ms", 0.0), ("2.5ms", 0.0), ("script", 1.0)])
def test_cores_of_a_step_that_was_not_measured_alone(step, cores) -> None:
    """A wait takes none; any other one at most as many as torch has threads."""
    loader = MadeUpLoader(step_s=0.004)
    found = read_step_times(loader.make_trace(), loader.make_setup(step=step), [], [])
    assert found.cores == cores
    assert not found.is_alone


def test_cores_of_a_step_by_the_cpu_time_of_all() -> None:
    """What workers don't explain is the step's."""
    loader = MadeUpLoader(step_s=0.004, step_cores=1.7)
    trace = loader.make_trace()
    setup = loader.make_setup(num_threads=2)
    assert read_step_times(trace, setup, [], [loader.make_row(trace, 0)]).cores == pytest.approx(1.7)
