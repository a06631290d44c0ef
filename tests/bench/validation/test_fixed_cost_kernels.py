"""Tests of kernels of planned length, on a fake device that is only a clock."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from bench.trial.measure import measure_epoch
from bench.validation import fixed_cost_kernels, fixed_cost_loaders
from bench.validation.cases import CASES
from bench.validation.fixed_cost_kernels import (
    FixedCostDeviceLoader,
    FixedCostKernelStep,
    FixedCostKernelWorkload,
    FixedCostTransform,
    measure_cycles_per_s,
)

HERTZ = 1.7e9
LAUNCH_NS = 4_000


class FakeGpu:
    """A device of one stream: a kernel begins when it was launched and the one before it has ended."""

    def __init__(self) -> None:
        self.host_ns = 0
        self.device_ns = 0

    def sleep(self, cycles: int) -> None:
        self.host_ns += LAUNCH_NS
        self.device_ns = max(self.device_ns, self.host_ns) + round(cycles / HERTZ * 1e9)

    def synchronize(self) -> None:
        self.host_ns = max(self.host_ns, self.device_ns)

    def wait_until(self, start_ns: int, seconds: float, *, busy: bool = False) -> None:
        self.host_ns = max(self.host_ns, start_ns + round(seconds * 1e9))


@pytest.fixture
def gpu(monkeypatch):
    """A fake device in the place of CUDA and of the clock."""
    fake = FakeGpu()
    clock = SimpleNamespace(
        perf_counter=lambda: fake.host_ns * 1e-9, perf_counter_ns=lambda: fake.host_ns, sleep=None
    )
    monkeypatch.setattr(torch.cuda, "_sleep", fake.sleep)
    monkeypatch.setattr(torch.cuda, "synchronize", fake.synchronize)
    monkeypatch.setattr(fixed_cost_kernels, "time", clock)
    monkeypatch.setattr(fixed_cost_loaders, "time", clock)
    monkeypatch.setattr(fixed_cost_loaders, "wait_until", fake.wait_until)
    measure_cycles_per_s.cache_clear()
    yield fake
    measure_cycles_per_s.cache_clear()


def test_a_second_is_measured_by_two_lengths(gpu) -> None:
    """Both kernels include the time of a launch, which cancels out."""
    assert measure_cycles_per_s() == pytest.approx(HERTZ, rel=1e-6)


def test_the_clock_is_measured_before_anything_is_timed(gpu) -> None:
    """Making the first step measures the clock, and making a second one doesn't."""
    FixedCostKernelStep(1e-3)
    before = gpu.host_ns
    assert before > 0.5e9
    FixedCostKernelStep(2e-3)
    assert gpu.host_ns == before


@pytest.mark.parametrize("name", ["kernel", "hidden-kernel"])
def test_the_fake_device_keeps_the_plan(gpu, name) -> None:
    """The harness reads all columns of the clock within 2% or a millisecond."""
    (case,) = (case for case in CASES if case.name == name)
    trial = case.trial()
    assert isinstance(trial.workload, FixedCostKernelWorkload)
    source = trial.workload.split
    pipeline = case.spec.pipeline(source, device="cpu", shuffle=True, seed=0)
    step = trial.workload.make_step(trial, source, pipeline)
    timings = measure_epoch(pipeline, step, synchronize=gpu.synchronize, clock=lambda: gpu.host_ns)
    readings = {
        "samples_per_s": timings.samples / timings.wall_ns * 1e9,
        "data_wait_s": sum(timings.data_wait_ns) * 1e-9,
        "step_s": (sum(timings.step_ns) + timings.drain_ns) * 1e-9,
    }
    for column, known in case.readings.items():
        assert readings[column] == pytest.approx(known, rel=0.02, abs=1e-3), column


def test_a_transform_leaves_pictures_as_they_are(gpu) -> None:
    """The transform only takes its time."""
    images = torch.rand(4, 1, 28, 28)
    finish = FixedCostTransform(2e-3)
    measure_cycles_per_s()
    gpu.synchronize()
    before = gpu.device_ns
    assert torch.equal(finish(images), images)
    assert torch.equal(finish(images, torch.empty_like(images)), images)
    assert gpu.device_ns - before == pytest.approx(4e6, rel=0.01)
    assert finish.shape((4, 1, 28, 28)) == (4, 1, 28, 28)


def test_batches_lie_where_they_are_placed(gpu) -> None:
    """Every batch of every epoch is moved."""
    source = CASES[0].workload().split
    loader = FixedCostDeviceLoader(20).build(source, shuffle=True, seed=0)
    before = [images.clone() for images, _ in loader]
    loader = FixedCostDeviceLoader(20).build(source, shuffle=True, seed=0)
    loader.place(lambda part: part.clone().neg())
    assert all(torch.equal(-one, images) for one, (images, _) in zip(before, loader, strict=True))
