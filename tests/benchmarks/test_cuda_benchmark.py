"""Benchmarks of the loaders that feed a GPU beside their ceilings: the host, the bus and the step alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median, quantiles

import numpy as np
import pytest
import torch

from bench.plan.ceiling_loaders import BusCeiling, StepCeiling
from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import Pipeline
from loaders.families.device_resident import DeviceResident
from loaders.families.tensor_slice import TensorSlice
from model.graphed_step import GraphSpec
from model.losses import CrossEntropy
from model.step_spec import StepSpec
from model.train_step import TrainStep, build_step

SAMPLES, TURNS = 60_000, 20

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(scope="module")
def source() -> ImageSplit:
    torch.set_num_threads(1)
    images = np.random.default_rng(0).integers(0, 256, (SAMPLES, 28, 28), np.uint8)
    labels = torch.arange(SAMPLES) % 10
    return ImageSplit("random", "0" * 64, torch.from_numpy(images), labels, tuple("abcdefghij"))


def make_step(pipeline: Pipeline, name: str) -> TrainStep:
    """Return the step that a pipeline feeds, the analytic one in CUDA graphs."""
    graph = GraphSpec(pipeline.chunk_batches, pipeline.static_addresses) if name == "analytic" else None
    spec = StepSpec(name, CrossEntropy(), graph=graph)
    return build_step(spec, pixels=784, classes=10, device="cuda")


def make_epoch(spec, source: ImageSplit, step: str) -> Callable[[], None]:
    """Return an epoch of a loader's pipeline with that step, to the end of the device's work."""
    pipeline = spec.resolve(cuda=True).pipeline(source, device="cuda", shuffle=True, seed=0)
    trained = make_step(pipeline, step)

    def epoch() -> None:
        for batch in pipeline:
            trained(batch)
        trained.flush()
        torch.cuda.synchronize()

    return epoch


def make_host_epoch(spec: TensorSlice, source: ImageSplit) -> Callable[[], None]:
    """Return an epoch of the host's work alone: batches of the size of a copy, and no copy."""
    resolved = spec.resolve(cuda=True)
    loader = resolved.with_chunk(resolved.choose_chunk(source)).build(source, shuffle=True, seed=0)

    def epoch() -> None:
        assert sum(len(labels) for _, labels in loader) == SAMPLES

    return epoch


def measure_in_turn(epochs: dict[str, Callable[[], None]], turns: int) -> dict[str, list[float]]:
    """Return millions of samples per second by turn, after three turns that capture the graphs."""
    rates: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(turns + 3):
        for name, epoch in epochs.items():
            started = time.perf_counter()
            epoch()
            if turn >= 3:
                rates[name].append(SAMPLES / (time.perf_counter() - started) / 1e6)
    return rates


def print_rates(rates: dict[str, list[float]], ceilings: list[str], bounded: str) -> None:
    """Print the medians, and the share of each turn's lowest ceiling that is reached."""
    for name, found in rates.items():
        low, middle, high = quantiles(found, n=4)
        print(f"  {name:32} {middle:8.2f} M samples/s (quartiles {low:.2f} to {high:.2f})")
    shares = [
        reached / min(turn)
        for reached, *turn in zip(rates[bounded], *(rates[n] for n in ceilings), strict=True)
    ]
    print(f"  {bounded} reaches {median(shares):.2f} of the lowest of: {', '.join(ceilings)}")


@pytest.mark.benchmark(group="feeding a GPU")
@pytest.mark.parametrize("batch_size", [256, 1024, 4096])
def test_a_prefetched_ring_beside_its_ceilings(capsys, source, batch_size, turns) -> None:
    """Train the analytic step in graphs with tensor_slice and its defaults on a GPU."""
    spec = TensorSlice(batch_size=batch_size)
    rates = measure_in_turn(
        {
            "host alone": make_host_epoch(spec, source),
            "bus alone": make_epoch(BusCeiling(batch_size, scale_on="device"), source, "none"),
            "step alone": make_epoch(StepCeiling(batch_size), source, "analytic"),
            "tensor_slice, training": make_epoch(spec, source, "analytic"),
        },
        turns,
    )
    with capsys.disabled():
        print(f"\n{torch.cuda.get_device_name()}, batches of {batch_size}")
        print_rates(rates, ["host alone", "bus alone", "step alone"], "tensor_slice, training")


@pytest.mark.benchmark(group="feeding a GPU")
@pytest.mark.parametrize("batch_size", [256, 1024, 4096])
def test_a_resident_dataset_beside_the_step(capsys, source, batch_size, turns) -> None:
    """Train the same graphs on batches that lie on the device already."""
    rates = measure_in_turn(
        {
            "step alone": make_epoch(StepCeiling(batch_size), source, "analytic"),
            "device_resident, training": make_epoch(DeviceResident(batch_size), source, "analytic"),
        },
        turns,
    )
    with capsys.disabled():
        print(f"\n{torch.cuda.get_device_name()}, batches of {batch_size}")
        print_rates(rates, ["step alone"], "device_resident, training")
