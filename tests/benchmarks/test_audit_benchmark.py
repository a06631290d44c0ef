"""Benchmarks of the audit and the machine's counters: the time they add to an epoch of a fast loader."""

from __future__ import annotations

import statistics
import time

import pytest
import torch

from bench.machine import interference
from bench.trial.batch_inspector import BatchInspector
from bench.trial.measure import measure_epoch
from bench.trial.pixel_grid import PixelGrid
from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import Pipeline
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


class Ready:
    """A loader of ready batches, where the audit's share is the largest possible."""

    def __init__(self, source: ImageSplit) -> None:
        images = source.images[:, None].float() / 255
        self.batches = list(zip(images.split(256), source.labels.split(256), strict=True))

    def __iter__(self):
        return iter(self.batches)


@pytest.mark.parametrize("step_name", ["analytic", "none"])
@pytest.mark.parametrize("family", ["batched_dataloader", "ready batches"])
def test_added_by_audit_and_readings(benchmark, capsys, source, family, step_name, turns) -> None:
    """Print the time that inspection and readings add, from epochs with and without them in turn.

    The inspector also knows the CPU time of its looks directly, which no noise hides.
    """
    if family == "ready batches":
        loader = Ready(source)
    else:
        loader = BatchedDataLoader(batch_size=256).build(source, shuffle=True, seed=0)
    step = build_step(StepSpec(step_name, CrossEntropy()), pixels=784, classes=10)
    grid = PixelGrid.draw(28, 28, 0)
    ratios, shares, readings_ms, seen = [], [], [], []
    for turn in range(turns):
        walls = {}
        for audited in (True, False) if turn % 2 else (False, True):
            inspector = BatchInspector(grid, (1, 28, 28), SAMPLES) if audited else None
            if audited:
                began = time.perf_counter()
                before = interference.read_counters()
                readings = time.perf_counter() - began
            timings = measure_epoch(Pipeline(loader), step, inspector=inspector)
            walls[audited] = timings.wall_ns
            if audited:
                began = time.perf_counter()
                interference.find_interference(before, interference.read_counters())
                readings_ms.append((readings + time.perf_counter() - began) * 1e3)
                shares.append(inspector.spent_ns / timings.wall_ns)
                seen.append(inspector.observe(len(timings.data_wait_ns), timings.samples).seen_share)
        ratios.append(walls[True] / walls[False])
    low, middle, high = statistics.quantiles(ratios, n=4)
    wall_ms = statistics.median(walls.values()) / 1e6
    with capsys.disabled():
        print(
            f"\n{family}, step {step_name}: an epoch of {wall_ms:.1f} ms; looks take "
            f"{statistics.median(shares):.2%} of it (at most {max(shares):.2%}) and see "
            f"{statistics.median(seen):.0%} of the batches; with them {middle - 1:+.2%} "
            f"(quartiles {low - 1:+.1%} to {high - 1:+.1%}, {turns} turns);\n  outside the clock two "
            f"readings of the machine take {statistics.median(readings_ms):.2f} ms"
        )
    benchmark.extra_info.update(looks_share=statistics.median(shares), added_share=middle - 1)
    benchmark.pedantic(measure_epoch, args=(loader, step), rounds=5)
