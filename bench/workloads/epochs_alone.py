"""Epochs without workers of a DataLoader over an iterable dataset, to compare epochs with workers with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from torch.utils.data import DataLoader

from bench.workloads.sample_hashes import SampleHasher
from loaders.data.nested_batch import count_samples, iterate_leaves
from loaders.spec.epoch_contents import EpochContents
from loaders.spec.source_facts import DataLoaderSettings
from loaders.spec.turn_knobs import copy_with

# Two epochs are run, each within this time.
LONGEST_S = 10.0


def run_alone(
    loader: DataLoader[Any], batches: int | None = None, clock: Callable[[], float] = time.monotonic
) -> EpochContents | None:
    """Run two epochs without workers, and return what both deliver.

    The second one has batches of another size. So samples whose form depends on their neighbours, as where a
    collate function pads them, are found out.

    Args:
        loader: a DataLoader over an iterable dataset.
        batches: number of batches after which an epoch ends; None for the loader's own end.
        clock: tells the time in seconds.

    Returns:
        The contents; None where an epoch takes too long, or the two have different numbers of samples.
    """
    size, drop_last = loader.batch_size, bool(loader.drop_last)
    first = _run(copy_with(loader, DataLoaderSettings(size)), batches, clock)
    if first is None:
        return None
    distinct = first.hashes is not None and first.hashes.repeated == 0
    if batches is not None:
        # Its samples are the first that the workers have ready, which differ with their number.
        return EpochContents(first.samples, size, drop_last, distinct=distinct)
    other_size = size if size is None or drop_last else size + 1
    second = _run(copy_with(loader, DataLoaderSettings(other_size)), batches, clock)
    if second is None or first.samples != second.samples:
        return None
    is_told = first.hashes is not None and first.hashes == second.hashes
    # Where the dataset makes the batches, their size can't be varied to find out about padding.
    is_told = is_told and not drop_last and (size is not None or len(first.shapes | second.shapes) == 1)
    digest = first.hashes.digest if first.hashes is not None and is_told else ""
    return EpochContents(first.samples, size, drop_last, digest, distinct)


class _Epoch:
    """The samples of an epoch."""

    def __init__(self) -> None:
        self.samples = 0
        self.shapes: set[tuple[tuple[int, ...], ...]] = set()
        self._hasher = SampleHasher()
        self.hashes = self._hasher.find_result()

    def run(self, batches: Iterable[Any], clock: Callable[[], float]) -> bool:
        """Run through an epoch; return False where it takes too long."""
        began_s = clock()
        for batch in batches:
            self.samples += count_samples(batch)
            self.shapes.add(_list_shapes(batch))
            self._hasher.add(batch)
            if clock() - began_s > LONGEST_S:
                return False
        self.hashes = self._hasher.find_result()
        return True


def _run(loader: Iterable[Any], batches: int | None, clock: Callable[[], float]) -> _Epoch | None:
    epoch = _Epoch()
    return epoch if epoch.run(islice(loader, batches), clock) else None


def _list_shapes(batch: Any) -> tuple[tuple[int, ...], ...]:
    """Return the shape of a sample in each leaf of a batch."""
    return tuple(tuple(leaf.shape[1:]) for leaf in iterate_leaves(batch))
