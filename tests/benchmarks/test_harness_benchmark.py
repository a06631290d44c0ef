"""What the harness adds to an epoch: the same loop bare and measured, in turn, in one process."""

from __future__ import annotations

import statistics
import time

import pytest
import torch

from bench.trial.measure import measure_epoch
from loaders.data.image_split import ImageSplit
from loaders.families.batched_dataloader import BatchedDataLoader
from model.losses import CrossEntropy
from model.train_step import build_step

SAMPLES = 60_000
TURNS = 150


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """A second thread's wake-ups are noise beside what is looked for."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def source() -> ImageSplit:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (SAMPLES, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (SAMPLES,), generator=generator)
    return ImageSplit("random", "0" * 64, images, labels, tuple("abcdefghij"))


def bare_epoch(loader, step) -> None:
    """What a training script does."""
    for images, labels in loader:
        step(images, labels)


def nothing(images: torch.Tensor, labels: torch.Tensor) -> None:
    """A step that takes no time, so that what is left of an epoch of ready batches is the loop."""


def in_turn(loader, step) -> tuple[list[float], list[float]]:
    """Seconds of bare and of measured epochs, one after the other, each first in every second turn."""
    bare, measured = [], []
    for turn in range(TURNS):
        pair = [(bare_epoch, bare), (measure_epoch, measured)]
        for epoch, times in pair if turn % 2 else reversed(pair):
            started = time.perf_counter()
            epoch(loader, step)
            times.append(time.perf_counter() - started)
    return bare, measured


def show_added(name, loader, step, benchmark, capsys) -> None:
    """Print what the harness adds: seen directly, and from what it adds to a batch that costs nothing.

    The direct reading is a small difference of two large times, and as noisy as they are; the second one
    isn't, since nothing else is in that loop.
    """
    bare, measured = in_turn(loader, step)
    ratios = [m / b for b, m in zip(bare, measured, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    batches = -(-SAMPLES // 256)
    ready = [(torch.zeros(256, 1, 2, 2), torch.zeros(256, dtype=torch.int64))] * batches
    empty_bare, empty_measured = in_turn(ready, nothing)
    added = statistics.median(empty_measured) - statistics.median(empty_bare)
    share = added / statistics.median(bare)
    benchmark.extra_info.update(added_share=share, seen_share=middle - 1, added_s_per_batch=added / batches)
    with capsys.disabled():
        print(
            f"\n{name}: bare {statistics.median(bare) * 1e3:.1f} ms, measured "
            f"{statistics.median(measured) * 1e3:.1f} ms ({middle - 1:+.1%}, quartiles {low - 1:+.1%} to "
            f"{high - 1:+.1%}, {TURNS} turns)\n  the loop itself adds "
            f"{added / batches * 1e6:.2f} µs a batch, {added * 1e3:.2f} ms an epoch: {share:.2%}"
        )
    benchmark.pedantic(measure_epoch, args=(loader, step), rounds=5)


def test_added_to_a_training_epoch(benchmark, capsys, source) -> None:
    """batched_dataloader without workers, analytic step, batch 256: the fastest loader so far."""
    loader = BatchedDataLoader(batch_size=256).build(source, shuffle=True, seed=0)
    step = build_step("analytic", CrossEntropy(), pixels=784, classes=10)
    show_added("batched_dataloader, closed form", loader, step, benchmark, capsys)


def test_added_to_a_loader_that_costs_nothing(benchmark, capsys, source) -> None:
    """A list of ready batches and the analytic step: no loader can make the share larger."""
    images = source.images[:, None].float() / 255
    batches = list(zip(images.split(256), source.labels.split(256), strict=True))
    step = build_step("analytic", CrossEntropy(), pixels=784, classes=10)
    show_added("ready batches, closed form", batches, step, benchmark, capsys)
