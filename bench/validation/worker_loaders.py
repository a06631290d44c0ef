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
    """A torch DataLoader whose persistent workers load one sample after another.

    Attributes:
        workers: number of worker processes.
        sample_s: time that a worker takes for a sample, in seconds.
    """

    workers: int = 2
    sample_s: float = 0.0

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return a DataLoader over a map-style dataset."""
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
        # The schedule goes on from sample to sample, so that the next one makes up for a late one. It starts
        # anew after a time without requests, as between epochs.
        now = time.perf_counter_ns()
        start = self._due if now - self._due < self._sample_s * 1e9 else now
        self._due = start + round(self._sample_s * 1e9)
        time.sleep(max(0, self._due - time.perf_counter_ns()) * 1e-9)
        return self._source.images[number, None] / 255, self._source.labels[number]


@dataclass(frozen=True)
class UnshardedWorkers(ValidationSpec):
    """An IterableDataset that is not sharded: each worker delivers all of it (pytorch issue 30599).

    Attributes:
        workers: number of worker processes.
        batch_s: time that a worker takes for a batch, in seconds.
    """

    workers: int = 2
    batch_s: float = 0.0

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return a DataLoader whose workers each deliver all batches."""
        loader = FixedCostLoader(self.batch_size, batch_s=self.batch_s).build(
            source, shuffle=shuffle, seed=seed
        )
        return data.DataLoader(_Unsharded(loader), batch_size=None, num_workers=self.workers)


class _Unsharded(data.IterableDataset[Batch]):
    def __init__(self, loader: Iterable[Batch]) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._loader)
