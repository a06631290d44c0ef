"""What feeds a GPU beside what bounds it: host, bus and step, each alone, in turn, in one process."""

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
from model.losses import CrossEntropy
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


def step_for(pipeline: Pipeline, name: str) -> TrainStep:
    graph = name == "analytic"
    return build_step(
        name, CrossEntropy(), pixels=784, classes=10, device="cuda", cuda_graph=graph,
        chunk_batches=pipeline.chunk_batches, static_addresses=pipeline.static_addresses,
    )  # fmt: skip


def epoch_of(spec, source: ImageSplit, step: str) -> Callable[[], None]:
    """An epoch of a loader's pipeline with that step, from its start to the end of the device's work."""
    pipeline = spec.pipeline(source, device="cuda", shuffle=True, seed=0)
    trained = step_for(pipeline, step)

    def epoch() -> None:
        for images, labels in pipeline:
            trained(images, labels)
        trained.flush()
        torch.cuda.synchronize()

    return epoch


def host_alone(spec: TensorSlice, source: ImageSplit) -> Callable[[], None]:
    """An epoch of what the host does for it: batches as large as they are copied, and none is."""
    resolved = spec.resolved(cuda=True)
    loader = resolved.with_chunk(resolved.chunk_batches(source)).build(source, shuffle=True, seed=0)

    def epoch() -> None:
        assert sum(len(labels) for _, labels in loader) == SAMPLES

    return epoch


def in_turn(epochs: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """Millions of samples a second of each, turn by turn, after some that warm up and capture."""
    rates: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(TURNS + 3):
        for name, epoch in epochs.items():
            started = time.perf_counter()
            epoch()
            if turn >= 3:
                rates[name].append(SAMPLES / (time.perf_counter() - started) / 1e6)
    return rates


def told(rates: dict[str, list[float]], bounds: list[str], bounded: str) -> None:
    """The medians, and the share of the lowest bound of each turn that is reached."""
    for name, found in rates.items():
        low, middle, high = quantiles(found, n=4)
        print(f"  {name:32} {middle:8.2f} M samples/s (quartiles {low:.2f} to {high:.2f})")
    shares = [
        reached / min(turn)
        for reached, *turn in zip(rates[bounded], *(rates[n] for n in bounds), strict=True)
    ]
    print(f"  {bounded} reaches {median(shares):.2f} of the lowest of: {', '.join(bounds)}")


@pytest.mark.benchmark(group="feeding a GPU")
@pytest.mark.parametrize("batch_size", [256, 1024, 4096])
def test_a_prefetched_ring_beside_its_bounds(capsys, source, batch_size) -> None:
    """The analytic step in graphs, fed by tensor_slice as it is by default on a GPU."""
    spec = TensorSlice(batch_size=batch_size)
    rates = in_turn(
        {
            "host alone": host_alone(spec, source),
            "bus alone": epoch_of(BusCeiling(batch_size, device="cuda", scale_on="device"), source, "none"),
            "step alone": epoch_of(StepCeiling(batch_size, device="cuda"), source, "analytic"),
            "tensor_slice, training": epoch_of(spec, source, "analytic"),
        }
    )
    with capsys.disabled():
        print(f"\n{torch.cuda.get_device_name()}, batches of {batch_size}")
        told(rates, ["host alone", "bus alone", "step alone"], "tensor_slice, training")


@pytest.mark.benchmark(group="feeding a GPU")
@pytest.mark.parametrize("batch_size", [256, 1024, 4096])
def test_a_resident_dataset_beside_the_step(capsys, source, batch_size) -> None:
    """The same graphs on batches that are there already."""
    rates = in_turn(
        {
            "step alone": epoch_of(StepCeiling(batch_size, device="cuda"), source, "analytic"),
            "device_resident, training": epoch_of(DeviceResident(batch_size), source, "analytic"),
        }
    )
    with capsys.disabled():
        print(f"\n{torch.cuda.get_device_name()}, batches of {batch_size}")
        told(rates, ["step alone"], "device_resident, training")
