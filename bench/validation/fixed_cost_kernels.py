"""Kernels of planned length, and the loader, step and trial that launch them.

A kernel's length is planned in cycles of the GPU's clock. The host's clock measures the cycles of a second
before, without any of the code that is validated.
"""

from __future__ import annotations

import functools
import statistics
import time
from dataclasses import dataclass

import torch

from bench.trial.training import Step
from bench.trial.trial import Trial
from bench.validation.fixed_cost_loaders import FixedCostLoader
from bench.validation.fixed_cost_steps import FixedCostStep, FixedCostWorkload
from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.device.device import CudaDevice
from loaders.device.device_transform import DeviceTransform
from loaders.device.pipeline import Pipeline
from loaders.device.prefetcher import Prefetcher

# An idle GPU raises its clock within this time.
WARM_UP_S = 0.5
CYCLES, TURNS = 100_000_000, 5


def launch_kernel(seconds: float) -> None:
    """Keep the current stream busy for so many seconds; most of the GPU stays free."""
    torch.cuda._sleep(round(seconds * measure_cycles_per_s()))  # type: ignore[no-untyped-call]


@functools.cache
def measure_cycles_per_s() -> float:
    """Return the GPU's cycles per second, by the difference of two kernels.

    Both include the time of a launch, which cancels out.
    """

    def time_kernel_s(cycles: int) -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        torch.cuda._sleep(cycles)  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        return time.perf_counter() - start

    until = time.perf_counter() + WARM_UP_S
    while time.perf_counter() < until:
        time_kernel_s(CYCLES)
    return statistics.median(
        CYCLES / (time_kernel_s(2 * CYCLES) - time_kernel_s(CYCLES)) for _ in range(TURNS)
    )


@dataclass(frozen=True)
class FixedCostKernelStep(FixedCostStep):
    """A train step that is one kernel of planned length."""

    def __post_init__(self) -> None:
        # Calibrated before anything is timed.
        measure_cycles_per_s()

    def __call__(self, batch: Batch) -> None:
        """Launch the kernel."""
        del batch
        launch_kernel(self.seconds)


class FixedCostTransform(DeviceTransform):
    """A device transform that leaves pictures as they are, and takes a planned time on the GPU."""

    def __init__(self, seconds: float) -> None:
        super().__init__(None)
        self._seconds = seconds

    def __call__(self, raw: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return a copy of the pictures."""
        launch_kernel(self._seconds)
        return raw.clone() if out is None else out.copy_(raw)


@dataclass(frozen=True)
class FixedCostDeviceLoader(FixedCostLoader):
    """A loader with planned costs, whose batches arrive on the GPU.

    Attributes:
        data_s: length of the kernel that finishes each batch, in seconds; batches are prefetched then. With 0
            they lie on the GPU from the start.
    """

    data_s: float = 0.0

    def pipeline(self, source: ImageSplit, *, device: str, shuffle: bool, seed: int) -> Pipeline:
        """Return the loader with its way to the GPU."""
        loader = self.build(source, shuffle=shuffle, seed=seed)
        if self.data_s:
            loader.place(lambda part: part.pin_memory())
            return Pipeline(
                Prefetcher(loader, CudaDevice(device), device_transform=FixedCostTransform(self.data_s))
            )
        loader.place(lambda part: part.to(device))
        return Pipeline(loader)


@dataclass(frozen=True)
class FixedCostKernelWorkload(FixedCostWorkload):
    """A workload whose step is a kernel of planned length."""

    def make_step(self, trial: Trial, source: ImageSplit, pipeline: Pipeline) -> Step:
        """Return the step, whatever the data."""
        del trial, source, pipeline
        return FixedCostKernelStep(self.step_s)
