"""What the harness adds to an epoch: the same loop bare and measured, in turn, in one process."""

from __future__ import annotations

import statistics
import time

import pytest
import torch

from bench.measure import measure_epoch
from loaders.families.batched_dataloader import BatchedDataLoader
from loaders.source import Source
from model.losses import CrossEntropy
from model.train_step import build_step

SAMPLES = 60_000
TURNS = 41


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """A second thread's wake-ups are noise beside what is looked for."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def source() -> Source:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (SAMPLES, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (SAMPLES,), generator=generator)
    return Source("random", "0" * 64, images, labels, tuple("abcdefghij"))


def bare_epoch(loader, step) -> None:
    """What a training script does."""
    for images, labels in loader:
        step(images, labels)


def added_share(loader, step, benchmark, capsys) -> None:
    """Time both loops in turn; print the median of the ratios of neighbours, and its spread."""
    bare, measured = [], []
    for _ in range(TURNS):
        for epoch, times in ((bare_epoch, bare), (measure_epoch, measured)):
            started = time.perf_counter()
            epoch(loader, step)
            times.append(time.perf_counter() - started)
    ratios = [m / b for b, m in zip(bare, measured, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    benchmark.extra_info.update(added=middle - 1, added_quartiles=(low - 1, high - 1))
    with capsys.disabled():
        print(
            f"\n  bare {statistics.median(bare) * 1e3:.2f} ms, "
            f"measured {statistics.median(measured) * 1e3:.2f} ms: "
            f"the harness adds {middle - 1:+.2%} (quartiles {low - 1:+.2%} to {high - 1:+.2%}, {TURNS} turns)"
        )
    benchmark.pedantic(measure_epoch, args=(loader, step), rounds=5)


def test_added_to_a_training_epoch(benchmark, capsys, source) -> None:
    """batched_dataloader without workers, closed-form step, batch 256: the fastest loader so far."""
    loader = BatchedDataLoader(batch_size=256).build(source, shuffle=True, seed=0)
    step = build_step("closed_form", CrossEntropy(), pixels=784, classes=10)
    added_share(loader, step, benchmark, capsys)


def test_added_to_a_loader_that_costs_nothing(benchmark, capsys, source) -> None:
    """A list of ready batches and the closed-form step: no loader can make the share larger."""
    images = source.images[:, None].float() / 255
    batches = list(zip(images.split(256), source.labels.split(256), strict=True))
    step = build_step("closed_form", CrossEntropy(), pixels=784, classes=10)
    added_share(batches, step, benchmark, capsys)
