"""DataLoaders whose workers have planned costs, or deliver too much."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch.utils import data

from bench.validation.fixed_cost_loaders import FixedCostLoader, ValidationSpec
from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit


@dataclass(frozen=True)
class FixedCostWorkers(ValidationSpec):
    """torch's own DataLoader, whose workers get a sample each every sample_s; they stay between epochs."""

    workers: int = 2
    sample_s: float = 0.0

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """A DataLoader over a map-style dataset."""
        random = torch.Generator().manual_seed(seed)
        return data.DataLoader(
            _FixedCostSamples(source, self.sample_s), self.batch_size, shuffle, num_workers=self.workers,
            persistent_workers=True, generator=random,
        )  # fmt: skip


class _FixedCostSamples(data.Dataset[Batch]):
    def __init__(self, source: ImageSplit, sample_s: float) -> None:
        self._source = source
        self._sample_s = sample_s
        self._due = 0

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, number: int) -> Batch:
        # A schedule that goes on from sample to sample: what one is late the next makes good. Where nothing
        # was wanted for longer, as between epochs, it starts anew.
        now = time.perf_counter_ns()
        start = self._due if now - self._due < self._sample_s * 1e9 else now
        self._due = start + round(self._sample_s * 1e9)
        time.sleep(max(0, self._due - time.perf_counter_ns()) * 1e-9)
        return self._source.images[number, None] / 255, self._source.labels[number]


@dataclass(frozen=True)
class UnshardedWorkers(ValidationSpec):
    """An IterableDataset that is not sharded: each worker delivers all of it (pytorch #30599)."""

    workers: int = 2
    batch_s: float = 0.0

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """A DataLoader whose workers each have all batches."""
        loader = FixedCostLoader(self.batch_size, batch_s=self.batch_s).build(
            source, shuffle=shuffle, seed=seed
        )
        return data.DataLoader(_Unsharded(loader), batch_size=None, num_workers=self.workers)


class _Unsharded(data.IterableDataset[Batch]):
    def __init__(self, loader: Iterable[Batch]) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._loader)
