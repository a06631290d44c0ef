"""Epochs without workers of a DataLoader over an iterable dataset, to compare epochs with workers with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from torch.utils.data import DataLoader

from bench.workloads.audit.own_observation import SampleHashes
from bench.workloads.audit.sample_hashes import SampleHasher
from loaders.data.nested_batch import count_samples, iterate_leaves
from loaders.spec.epoch_contents import EpochContents
from loaders.spec.source_facts import DataLoaderSettings
from loaders.spec.turn_knobs import copy_with

# Two epochs are run, each within this time.
LONGEST_S = 5.0


def run_alone(
    loader: DataLoader[Any], batches: int | None = None, clock: Callable[[], float] = time.monotonic
) -> EpochContents:
    """Run two epochs without workers, and return what both deliver.

    The second one has batches of another size. So samples whose form depends on their neighbours, as where a
    collate function pads them, are found out.

    Args:
        loader: a DataLoader over an iterable dataset.
        batches: number of batches after which an epoch ends; None for the loader's own end.
        clock: tells the time in seconds.
    """
    size, drop_last = loader.batch_size, bool(loader.drop_last)
    first = _Epoch.run(copy_with(loader, DataLoaderSettings(size)), batches, clock)
    known = EpochContents(None, size, drop_last, repeated_share=first.repeated_share)
    if batches is not None or not first.is_whole:
        # The first samples are those that workers have ready, which differ with their number.
        return known
    other_size = size if size is None or drop_last else size + 1
    second = _Epoch.run(copy_with(loader, DataLoaderSettings(other_size)), None, clock)
    if not second.is_whole or first.samples != second.samples:
        return known
    digest = "" if drop_last else _find_common_digest(first, second, is_varied=size is not None)
    return replace(known, samples=first.samples, digest=digest)


@dataclass(frozen=True)
class _Epoch:
    """The samples of an epoch."""

    samples: int
    shapes: frozenset[tuple[tuple[int, ...], ...]]
    hashes: SampleHashes | None
    is_whole: bool

    @classmethod
    def run(cls, loader: Iterable[Any], limit: int | None, clock: Callable[[], float]) -> _Epoch:
        """Run through an epoch, or through as much of it as there is time for."""
        began_s = clock()
        hasher, shapes = SampleHasher(), set()
        samples = 0
        is_whole = True
        for batch in islice(loader, limit):
            samples += count_samples(batch)
            shapes.add(tuple(tuple(leaf.shape[1:]) for leaf in iterate_leaves(batch)))
            hasher.add(batch)
            if clock() - began_s > LONGEST_S:
                is_whole = False
                break
        return cls(samples, frozenset(shapes), hasher.find_result(), is_whole)

    @property
    def repeated_share(self) -> float | None:
        """Share of the samples that are equal to an earlier one."""
        if self.hashes is None or self.hashes.repeated is None:
            return None
        return self.hashes.repeated / self.hashes.samples


def _find_common_digest(first: _Epoch, second: _Epoch, *, is_varied: bool) -> str:
    """Return the digest of two epochs; empty where samples differ, or depend on their neighbours."""
    if first.hashes is None or first.hashes != second.hashes:
        return ""
    # Where batches had one size only, their shapes tell of padding.
    is_even = is_varied or len(first.shapes | second.shapes) == 1
    return first.hashes.digest if is_even else ""
