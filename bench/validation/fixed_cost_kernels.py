"""Kernels of known length, and a loader and a step that launch them, for `python -m bench.validate`.

A kernel's length is planned in cycles of the GPU's clock: how many there are in a second is found out by the
host's clock before, with nothing of what is to be validated.
"""

from __future__ import annotations

import functools
import statistics
import time
from dataclasses import dataclass

import torch

from bench.validation.fixed_cost_loaders import FixedCostLoader
from bench.validation.fixed_cost_steps import FixedCostStep, FixedCostTrial
from loaders.data.image_split import ImageSplit
from loaders.device.device import CudaDevice
from loaders.device.device_transform import DeviceTransform
from loaders.device.pipeline import Pipeline
from loaders.device.prefetcher import Prefetcher

# Long enough for a GPU at rest to come to the clock that it keeps.
WARM_UP_S = 0.5
CYCLES, TURNS = 100_000_000, 5


def launch_kernel(seconds: float) -> None:
    """Keep the current stream, and next to nothing else of the GPU, busy for so long."""
    torch.cuda._sleep(round(seconds * measure_cycles_per_s()))  # type: ignore[no-untyped-call]


@functools.cache
def measure_cycles_per_s() -> float:
    """Cycles that such a kernel counts in a second, by the difference of two: a launch takes time as well."""

    def took_s(cycles: int) -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        torch.cuda._sleep(cycles)  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        return time.perf_counter() - start

    until = time.perf_counter() + WARM_UP_S
    while time.perf_counter() < until:
        took_s(CYCLES)
    return statistics.median(CYCLES / (took_s(2 * CYCLES) - took_s(CYCLES)) for _ in range(TURNS))


@dataclass(frozen=True)
class FixedCostKernelStep(FixedCostStep):
    """A train step that learns nothing and is a kernel of that many seconds."""

    def __post_init__(self) -> None:
        # Before anything is timed.
        measure_cycles_per_s()

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Launch it."""
        del images, labels
        launch_kernel(self.seconds)


class FixedCostTransform(DeviceTransform):
    """What is left to do to pictures: nothing, by a kernel of that many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(None)
        self._seconds = seconds

    def __call__(self, raw: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """The pictures as they are."""
        launch_kernel(self._seconds)
        return raw.clone() if out is None else out.copy_(raw)


@dataclass(frozen=True)
class FixedCostDeviceLoader(FixedCostLoader):
    """The same with batches that lie on the GPU; or, with data_s, that are prefetched there, where a kernel
    of that many seconds finishes each.
    """

    data_s: float = 0.0

    def pipeline(self, source: ImageSplit, *, device: str, shuffle: bool, seed: int) -> Pipeline:
        """Batches that arrive on the GPU."""
        loader = self.build(source, shuffle=shuffle, seed=seed)
        if self.data_s:
            loader.place(lambda part: part.pin_memory())
            return Pipeline(
                Prefetcher(loader, CudaDevice(device), device_transform=FixedCostTransform(self.data_s))
            )
        loader.place(lambda part: part.to(device))
        return Pipeline(loader)


@dataclass(frozen=True)
class FixedCostKernelTrial(FixedCostTrial):
    """A trial whose step is a kernel of known length."""

    def make_step(self, source: ImageSplit, pipeline: Pipeline) -> FixedCostStep:
        """That step, whatever the data."""
        del source, pipeline
        return FixedCostKernelStep(self.step_s)
