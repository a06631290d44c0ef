"""Benchmarks of the loaders that feed a GPU beside their ceilings: the host, the bus and the step alone.

`--rates FOLDER` keeps the rates. `--rehearse-cuda` tries the code without a GPU: the prefetcher on a
simulated device, few samples, and steps that are in no graph.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from bench.plan import ceiling_loaders
from bench.plan.ceiling_loaders import BusCeiling, CeilingSpec, StepCeiling
from loaders.data.image_split import ImageSplit
from loaders.data.rows import Rows
from loaders.device.pipeline import Pipeline
from loaders.device.resident import ResidentLoader
from loaders.families.device_resident import DeviceResident
from loaders.families.tensor_slice import TensorSlice
from loaders.spec.loader_spec import LoaderSpec
from model.graphed_step import GraphSpec
from model.losses import CrossEntropy
from model.step_spec import StepSpec
from model.train_step import build_step
from tests.benchmarks.turn_order import order_turn
from tests.cuda.feeding_rates import BATCH_SIZES, REHEARSAL, FeedingRates
from tests.loaders.late_device import PromptDevice

SAMPLES, REHEARSED_SAMPLES = 60_000, 10_000
TURNS = 20
# Epochs of each kind that compile, and capture the graphs.
FIRST_EPOCHS = 3

pytestmark = pytest.mark.cuda


@dataclass(frozen=True)
class Place:
    """The place where epochs run: a GPU, or the CPU in a rehearsal.

    Attributes:
        is_gpu: whether it is a GPU.
        source: the pictures.
    """

    is_gpu: bool
    source: ImageSplit

    @property
    def name(self) -> str:
        """The name of the GPU, or `rehearsal`."""
        return torch.cuda.get_device_name() if self.is_gpu else REHEARSAL

    def make_pipeline(self, spec: LoaderSpec) -> Pipeline:
        """Return a loader whose batches arrive at the place where the step is."""
        if self.is_gpu or not isinstance(spec, DeviceResident | CeilingSpec):
            return spec.pipeline(self.source, device="cuda", shuffle=True, seed=0)
        if isinstance(spec, CeilingSpec):
            return spec.pipeline(self.source, device="cpu", shuffle=True, seed=0)
        rows = Rows(self.source.images, self.source.labels)
        loader = ResidentLoader(rows, batch_size=spec.batch_size, device="cpu")
        return Pipeline(loader, chunk_batches=loader.chunk_batches)

    def make_epoch(self, spec: LoaderSpec, step: str) -> Callable[[], None]:
        """Return an epoch of a loader with a step, to the end of the device's work."""
        pipeline = self.make_pipeline(spec)
        graph = GraphSpec(pipeline.chunk_batches, pipeline.static_addresses)
        chosen = StepSpec(step, CrossEntropy(), graph=graph if self.is_gpu and step == "analytic" else None)
        device = "cuda" if self.is_gpu else "cpu"
        trained = build_step(chosen, pixels=784, classes=10, device=device)

        def epoch() -> None:
            for batch in pipeline:
                trained(batch)
            trained.flush()
            if self.is_gpu:
                torch.cuda.synchronize()

        return epoch

    def make_host_epoch(self, spec: TensorSlice) -> Callable[[], None]:
        """Return an epoch of the host's work alone: batches of the size of a copy, and no copy."""
        loader = spec.with_chunk(spec.choose_chunk(self.source)).build(self.source, shuffle=True, seed=0)

        def epoch() -> None:
            assert sum(len(labels) for _, labels in loader) == len(self.source)

        return epoch

    def measure_in_turn(self, epochs: dict[str, Callable[[], None]], turns: int) -> dict[str, list[float]]:
        """Return millions of samples per second by turn, after turns that capture the graphs.

        Each turn has an order of its own.
        """
        rates: dict[str, list[float]] = {name: [] for name in epochs}
        for turn in range(turns + FIRST_EPOCHS):
            for name, epoch in order_turn(epochs.items(), turn):
                started = time.perf_counter()
                epoch()
                if turn >= FIRST_EPOCHS:
                    rates[name].append(len(self.source) / (time.perf_counter() - started) / 1e6)
        return rates


@pytest.fixture
def place(request, monkeypatch, one_thread) -> Place:
    """Return the GPU, or the CPU in a rehearsal."""
    is_gpu = not request.config.getoption("--rehearse-cuda")
    if is_gpu and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    if not is_gpu:
        monkeypatch.setattr("loaders.device.pipeline.CudaDevice", lambda name: PromptDevice())
        monkeypatch.setattr(ceiling_loaders, "_pin", lambda tensor: tensor)
    samples = SAMPLES if is_gpu else REHEARSED_SAMPLES
    images = np.random.default_rng(0).integers(0, 256, (samples, 28, 28), np.uint8)
    labels = torch.arange(samples) % 10
    return Place(
        is_gpu, ImageSplit("random", "0" * 64, torch.from_numpy(images), labels, tuple("abcdefghij"))
    )


@pytest.fixture
def report(request, capsys, place) -> Callable[[FeedingRates], None]:
    """Return a function that prints rates, and keeps them where a folder is given."""

    def report_rates(rates: FeedingRates) -> None:
        if (folder := request.config.getoption("--rates")) is not None:
            rates.write(folder)
        with capsys.disabled():
            print(f"\n{place.name}, batches of {rates.batch_size}", *rates.list_lines(), sep="\n")
            print(f"  {rates.judge()}")

    return report_rates


@pytest.mark.benchmark(group="feeding a GPU")
@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_a_prefetched_ring_beside_its_ceilings(report, place, batch_size, turns) -> None:
    """Train the analytic step in graphs with tensor_slice and its defaults on a GPU."""
    pinned = None if place.is_gpu else False
    spec = TensorSlice(batch_size=batch_size, pin_memory=pinned).resolve(cuda=True)
    rates = place.measure_in_turn(
        {
            "host alone": place.make_host_epoch(spec),
            "bus alone": place.make_epoch(BusCeiling(batch_size, scale_on="device"), "none"),
            "step alone": place.make_epoch(StepCeiling(batch_size), "analytic"),
            "training": place.make_epoch(spec, "analytic"),
        },
        turns,
    )
    report(FeedingRates("tensor_slice", batch_size, place.name, rates.pop("training"), rates))


@pytest.mark.benchmark(group="feeding a GPU")
@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_a_resident_dataset_beside_the_step(report, place, batch_size, turns) -> None:
    """Train the same graphs on batches that lie on the device already."""
    rates = place.measure_in_turn(
        {
            "step alone": place.make_epoch(StepCeiling(batch_size), "analytic"),
            "training": place.make_epoch(DeviceResident(batch_size), "analytic"),
        },
        turns,
    )
    report(FeedingRates("device_resident", batch_size, place.name, rates.pop("training"), rates))
