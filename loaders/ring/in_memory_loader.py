"""InMemoryLoader: a loader over the decoded samples of any map-style dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from loaders.data.decoded_samples import DecodedSamples, Progress, count_dataset
from loaders.data.nested_batch import Leaf, map_leaves
from loaders.ring.gather_ring import GatherRing
from loaders.ring.helpers import Helpers
from loaders.ring.ring_loader import idle_cores

# A smaller batch takes less time to copy than to hand over: measured on two cores, where both took as long
# for a batch of this size.
LEAST_HANDED_OVER_BYTES = 400_000


@dataclass(eq=False)
class InMemoryLoader:
    """Loader that decodes all samples of a DataLoader's dataset once, and gathers batches from memory.

    Batch n is valid until batch n+2 is requested or the next epoch begins; then its memory is overwritten.
    `copy=True` gives batches that stay valid. Autograd raises if it still needs an overwritten batch; nothing
    else notices.

    It is for map-style datasets that give the same sample each time, all samples of one shape and dtype: with
    random transforms, each epoch would repeat the first one's. Batches have the structure, shapes and dtypes
    that the DataLoader's collate function gives them, and the order that its sampler decides. With the same
    seed it is the DataLoader's own order.

    Args:
        loader: a DataLoader over a map-style dataset; its dataset, batch sampler, generator, collate function
            and worker_init_fn are used.
        samples: its decoded samples; default None decodes them now.
        num_workers: worker processes that decode; 0 decodes in this process. Default None: the loader's own
            number, or one for each core where it has none.
        threads: threads that gather beside the training thread, which gathers batches itself where they are
            late. Default None: one for each core that torch's own threads leave free, at most 2; none for
            batches below 400 kB.
        prefetch: batches that the threads gather ahead, at least 1; default 2.
        pin_memory: whether batches lie in page-locked memory, for copies to a CUDA device. Default False.
        copy: deliver each batch in memory of its own; default False.
        progress: called while samples are decoded, with the samples done and all samples; default None.

    Attributes:
        dataset: the DataLoader's dataset.
        batch_sampler: the DataLoader's batch sampler.
        generator: the DataLoader's generator; None for torch's own.

    Raises:
        SampleError: the samples can't be kept in memory.
        ValueError: a number is too small, the dataset is an iterable one, or the DataLoader has no batch
            sampler.
    """

    loader: DataLoader[Any] = field(repr=False)
    _: KW_ONLY
    samples: DecodedSamples | None = field(default=None, repr=False)
    num_workers: int | None = None
    threads: int | None = None
    prefetch: int = 2
    pin_memory: bool = False
    copy: bool = False
    progress: Progress | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.loader.dataset, IterableDataset):
            raise ValueError("the DataLoader is over an iterable dataset, expected a map-style one")
        if self.loader.batch_sampler is None:
            raise ValueError("the DataLoader has no batch sampler, as batch_size is None; expected a number")
        for name, value, least in (
            ("num_workers", self.num_workers or 0, 0),
            ("threads", self.threads or 0, 0),
            ("prefetch", self.prefetch, 1),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}, expected {least} or more")
        self.dataset = self.loader.dataset
        self.batch_sampler: Any = self.loader.batch_sampler
        self.generator: torch.Generator | None = self.loader.generator
        samples = self.samples or DecodedSamples.decode(
            self.loader, num_workers=self.num_workers, progress=self.progress
        )
        if len(samples) != (count := count_dataset(self.loader)):
            raise ValueError(f"samples are {len(samples)}, expected {count}, as many as the dataset has")
        self.samples = samples
        if self.threads is None:
            rows = self._find_batch_size() or len(samples)
            small = rows * samples.format.sample_bytes < LEAST_HANDED_OVER_BYTES
            self.threads = 0 if small else idle_cores()
        self._idle = [self._make_ring(samples)]

    @property
    def reuses_buffers(self) -> bool:
        """True if the memory of batch n is overwritten once batch n+2 is requested."""
        return not self.copy

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[Any]:
        asked = iter(self.batch_sampler)
        # A DataLoader draws a seed for its workers here. Without it the same seed would give another order.
        torch.empty((), dtype=torch.int64, device="cpu").random_(generator=self.generator)
        assert self.samples is not None
        # Every epoch uses the same ring; a second epoch at the same time gets a ring of its own.
        batches = self._run_epoch(self._idle.pop() if self._idle else self._make_ring(self.samples), asked)
        return (map_leaves(batch, _copy) for batch in batches) if self.copy else batches

    def _run_epoch(self, ring: GatherRing, asked: Iterator[Any]) -> Iterator[Any]:
        try:
            ring.begin(asked)
            with Helpers(ring, self.threads or 0):
                while (batch := ring.take()) is not None:
                    yield batch
        finally:
            self._idle.append(ring)

    def _make_ring(self, samples: DecodedSamples) -> GatherRing:
        return GatherRing(
            samples,
            prefetch=self.prefetch if self.threads else 0,
            rows=min(self._find_batch_size() or 1, len(samples)),
            pin=self.pin_memory,
        )

    def _find_batch_size(self) -> int | None:
        """Return the samples of a usual batch; None where the batch sampler doesn't tell."""
        rows = getattr(self.batch_sampler, "batch_size", None)
        return rows if isinstance(rows, int) else None


def _copy(leaf: Leaf) -> Leaf:
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf.clone()
