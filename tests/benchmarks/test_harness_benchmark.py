"""Benchmarks of the measuring loop against a bare loop, in turn, in one process."""

from __future__ import annotations

import statistics
import time

import pytest
import torch

from bench.trial.measure import measure_epoch
from loaders.data.image_split import ImageSplit
from loaders.families.batched_dataloader import BatchedDataLoader
from model.losses import CrossEntropy
from model.step_spec import StepSpec
from model.train_step import build_step

SAMPLES = 60_000
TURNS = 150

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def source() -> ImageSplit:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (SAMPLES, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (SAMPLES,), generator=generator)
    return ImageSplit("random", "0" * 64, images, labels, tuple("abcdefghij"))


def run_bare_epoch(loader, step) -> None:
    """Run an epoch as a training script does."""
    for batch in loader:
        step(batch)


def do_nothing(batch) -> None:
    """Do nothing, so that an epoch of ready batches takes the loop's time alone."""


def time_in_turn(loader, step, turns: int) -> tuple[list[float], list[float]]:
    """Return the seconds of bare and of measured epochs. Each kind comes first in every second turn."""
    bare, measured = [], []
    for turn in range(turns):
        pair = [(run_bare_epoch, bare), (measure_epoch, measured)]
        for epoch, times in pair if turn % 2 else reversed(pair):
            started = time.perf_counter()
            epoch(loader, step)
            times.append(time.perf_counter() - started)
    return bare, measured


def show_added(name, loader, step, turns, benchmark, capsys) -> None:
    """Print the time that the measuring loop adds, once directly and once from batches that cost nothing.

    The direct figure is a small difference of two large times, and as noisy as they are. The second one has
    little noise, as its loop holds nothing else.
    """
    bare, measured = time_in_turn(loader, step, turns)
    ratios = [m / b for b, m in zip(bare, measured, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    batches = -(-SAMPLES // 256)
    ready = [(torch.zeros(256, 1, 2, 2), torch.zeros(256, dtype=torch.int64))] * batches
    empty_bare, empty_measured = time_in_turn(ready, do_nothing, turns)
    added = statistics.median(empty_measured) - statistics.median(empty_bare)
    share = added / statistics.median(bare)
    benchmark.extra_info.update(added_share=share, seen_share=middle - 1, added_s_per_batch=added / batches)
    with capsys.disabled():
        print(
            f"\n{name}: bare {statistics.median(bare) * 1e3:.1f} ms, measured "
            f"{statistics.median(measured) * 1e3:.1f} ms ({middle - 1:+.1%}, quartiles {low - 1:+.1%} to "
            f"{high - 1:+.1%}, {turns} turns)\n  the loop itself adds "
            f"{added / batches * 1e6:.2f} µs a batch, {added * 1e3:.2f} ms an epoch: {share:.2%}"
        )
    benchmark.pedantic(measure_epoch, args=(loader, step), rounds=5)


def test_added_to_a_training_epoch(benchmark, capsys, source, turns) -> None:
    """Train with batched_dataloader without workers, the analytic step and batches of 256."""
    loader = BatchedDataLoader(batch_size=256).build(source, shuffle=True, seed=0)
    step = build_step(StepSpec("analytic", CrossEntropy()), pixels=784, classes=10)
    show_added("batched_dataloader, analytic step", loader, step, turns, benchmark, capsys)


def test_added_to_a_loader_that_costs_nothing(benchmark, capsys, source, turns) -> None:
    """Train the analytic step on a list of ready batches, where the added share is the largest possible."""
    images = source.images[:, None].float() / 255
    batches = list(zip(images.split(256), source.labels.split(256), strict=True))
    step = build_step(StepSpec("analytic", CrossEntropy()), pixels=784, classes=10)
    show_added("ready batches, analytic step", batches, step, turns, benchmark, capsys)
