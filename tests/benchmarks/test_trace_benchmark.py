"""Benchmark of the trace: epochs whose loading is timed inside against epochs that aren't, in turn."""

from __future__ import annotations

import pytest
import torch
from torchvision import transforms

from bench.analysis.statistics import estimate
from bench.probes.loader_trace import trace_loader
from bench.trial.measure import measure_epoch
from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import Pipeline
from loaders.families.torch_dataloader import TorchDataLoader

SAMPLES = 20_000
TURNS = 15


@pytest.fixture(scope="module")
def source() -> ImageSplit:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (SAMPLES, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (SAMPLES,), generator=generator)
    return ImageSplit("random", "0" * 64, images, labels, tuple("abcdefghij"))


def return_sample(sample: object) -> object:
    """Return the sample: the cheapest transform, of which the trace takes the largest share."""
    return sample


@pytest.mark.parametrize("extra", [0, 4])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_traced_epoch_against_an_untraced_one(benchmark, capsys, source, workers, extra, turns) -> None:
    """The length of traced epochs over that of untraced ones: the median of the turns.

    The samples are those of the tutorials, which take 30 µs. Further transforms that cost nothing show the
    price of timing each.
    """
    loader = TorchDataLoader(batch_size=64, num_workers=workers).build(source, shuffle=True, seed=0)
    chain = loader.dataset.transform.transforms
    chain += [transforms.Lambda(return_sample) for _ in range(extra)]
    ratios = []
    for turn in range(turns + 1):
        walls = {}
        for traced in (True, False) if turn % 2 else (False, True):
            if traced:
                with trace_loader(loader) as trace:
                    timings = measure_epoch(Pipeline(loader), len)
                    assert trace.collect(timings, 0).is_inside_known
            else:
                timings = measure_epoch(Pipeline(loader), len)
            walls[traced] = timings.wall_ns
        ratios.append(walls[True] / walls[False])
    # The first turn is cold.
    ratio = estimate(ratios[1:])
    assert ratio is not None
    with capsys.disabled():
        print(
            f"\n{workers} workers, {1 + extra} transforms: traced epochs take {ratio.median:.4f} of others, "
            f"{ratio.low or 0:.4f} to {ratio.high or 0:.4f} ({turns} turns)"
        )
    benchmark.extra_info.update(ratio=ratio.median, ratios=ratios)
    benchmark.pedantic(lambda: None, rounds=1)
