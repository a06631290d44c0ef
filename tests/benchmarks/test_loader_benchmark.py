"""Benchmarks of a loader's parts, collate and transforms, and of one epoch of each family."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import default_collate

from loaders.families.batched_dataloader import BatchedDataset
from loaders.families.torch_dataloader import TorchDataLoader
from loaders.registry import families
from tests.fakes import numbered_source

BATCH = 256


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return numbered_source(10_000, folder=tmp_path_factory.mktemp("numbered"))


@pytest.mark.benchmark(group="a batch of 256 from samples")
def test_collate(benchmark, source) -> None:
    """Collate 256 float pictures and labels with PyTorch's own function."""
    samples = [(source.images[n : n + 1].float() / 255, int(source.labels[n])) for n in range(BATCH)]
    images, _ = benchmark(default_collate, samples)
    assert images.shape == (BATCH, 1, 28, 28)


@pytest.mark.benchmark(group="a batch of 256 from samples")
def test_to_tensor(benchmark, source) -> None:
    """Convert 256 pictures with torchvision's PIL and ToTensor."""
    dataset = TorchDataLoader(num_workers=0).build(source, shuffle=False, seed=0).dataset
    samples = benchmark(lambda: [dataset[n] for n in range(BATCH)])
    assert len(samples) == BATCH


@pytest.mark.benchmark(group="a batch of 256 from samples")
@pytest.mark.parametrize("resize", [None, 64])
def test_whole_batch(benchmark, source, resize) -> None:
    """Gather, scale and resize 256 pictures at once."""
    indices = torch.randperm(len(source))[:BATCH].tolist()
    images, _ = benchmark(BatchedDataset(source.images, source.labels, resize).__getitems__, indices)
    assert len(images) == BATCH


@pytest.mark.benchmark(group="an epoch of 10,000 samples, no workers")
@pytest.mark.parametrize(
    "name", [name for name, spec in families().items() if spec().invalid(cuda=False) is None]
)
def test_epoch(benchmark, source, name) -> None:
    """Iterate over the loader alone, with batches of 256 and without workers."""
    spec = families()[name](batch_size=BATCH)
    if "num_workers" in spec.declared_knobs():
        spec = spec.with_knobs({"num_workers": 0})
    loader = spec.build(source, shuffle=True, seed=0)
    assert benchmark.pedantic(lambda: sum(len(labels) for _, labels in loader), rounds=5) == len(source)
