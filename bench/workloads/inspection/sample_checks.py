"""Checks of a dataset's samples: whether they are always the same, of one shape, and fit into memory.

A transform that changes a sample with probability q is missed by n repeats with probability (1 - q)^n: 59
repeats miss q = 5% in 5% of cases.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset

from bench.machine.memory import find_memory
from bench.text import describe_error, format_bytes
from bench.workloads.audit.batch_difference import Leaf, copy_leaves
from bench.workloads.inspection.sample_difference import are_same
from loaders.data.batch_format import BatchFormat, SampleError
from loaders.data.decoded_samples import count_dataset, fetch
from loaders.spec.sample_facts import SampleFacts
from loaders.spec.source_facts import SourceFacts

DIFFERENT = "samples differ from call to call: random transforms"
ACROSS = "the collate function works across samples"
# Repeats that find a transform of one sample in twenty in 95 of 100 cases.
REPEATS = 59
# Samples whose shape is compared, and those of them that are fetched again.
TRIED, REPEATED = 200, 20
# Time for either of both, in seconds.
LONGEST_S = 1.0
# Share of the available memory that samples may take.
MEMORY_SHARE = 0.8


@dataclass(frozen=True)
class SampleFindings:
    """Findings about the samples of a map-style dataset.

    Attributes:
        same: whether the same index gave the same sample each time; None where it wasn't found out.
        differing: why the samples can't be kept in memory; empty if they can.
        sample_bytes: bytes of a sample; 0 where it wasn't found out.
        sample_s: seconds that a sample takes, in this process.
        tried: number of samples whose shape was compared.
        repeats: number of times that a sample was fetched again.
    """

    same: bool | None = None
    differing: str = ""
    sample_bytes: int = 0
    sample_s: float = 0.0
    tried: int = 0
    repeats: int = 0


def check_samples(
    loader: DataLoader[Any],
    *,
    longest_s: float = LONGEST_S,
    clock: Callable[[], float] = time.perf_counter,
    available_bytes: int | None = None,
) -> SampleFindings:
    """Find out whether the samples of a DataLoader's dataset can be kept in memory.

    Torch's, numpy's and Python's own generators keep their states.

    Args:
        loader: a DataLoader. It isn't iterated, and its sampler isn't asked.
        longest_s: seconds that the comparison of shapes may take, and as many for the repeats. Each takes at
            least two samples.
        clock: tells the time in seconds.
        available_bytes: memory for the samples; default None asks the system.
    """
    if (reason := _find_obstacle(loader)) is not None:
        return SampleFindings(differing=reason)
    check = _Check(loader, longest_s, clock)
    with _kept_states():
        try:
            return check.run(find_memory().available_bytes if available_bytes is None else available_bytes)
        except SampleError as error:
            return check.conclude(str(error))
        # A user's dataset may raise anything.
        except Exception as error:
            return check.conclude(f"a sample can't be read: {describe_error(error)}")


def add_sample_facts(facts: SourceFacts, loader: DataLoader[Any]) -> SourceFacts:
    """Return facts of a DataLoader together with what its samples tell, where they have an index.

    Args:
        facts: what is known of the DataLoader.
        loader: the DataLoader.
    """
    if not facts.map_style:
        return facts
    found = check_samples(loader)
    try:
        count = count_dataset(loader)
    except SampleError:
        count = None
    sample = SampleFacts(count, found.sample_bytes, found.sample_s, found.repeats)
    return replace(facts, same_samples=found.same, differing=found.differing, sample=sample)


def _find_obstacle(loader: DataLoader[Any]) -> str | None:
    """Return what keeps any other loader from delivering the batches of this one, or None."""
    if isinstance(loader.dataset, IterableDataset):
        return "the dataset is iterable: samples have no index"
    if loader.batch_sampler is None:
        return "the dataset makes the batches itself: batch_size is None"
    if type(loader).__iter__ is not DataLoader.__iter__:
        return f"{type(loader).__name__} changes what a DataLoader delivers"
    return None


class _Check:
    """Fetches samples within a time, and compares them."""

    def __init__(self, loader: DataLoader[Any], longest_s: float, clock: Callable[[], float]) -> None:
        self._loader = loader
        self._longest_s = longest_s
        self._clock = clock
        self._seeds = itertools.count()
        self._format: BatchFormat | None = None
        # Batches of one sample each, by its index.
        self._kept: dict[int, list[Leaf]] = {}
        self._rows: dict[int, list[NDArray[Any]]] = {}
        self._sample_s = 0.0
        self._tried = self._repeats = 0
        self._same: bool | None = None

    def run(self, available_bytes: int) -> SampleFindings:
        """Fetch samples, and fetch some of them again."""
        samples = count_dataset(self._loader)
        reason = self._compare_shapes(samples)
        self._same = self._are_same()
        if not self._same:
            return self.conclude(DIFFERENT)
        if reason is None and not self._are_split_by_sample():
            reason = ACROSS
        needed = samples * self._format.sample_bytes if self._format else 0
        if reason is None and needed > MEMORY_SHARE * available_bytes:
            reason = f"they take {format_bytes(needed)}, {format_bytes(available_bytes)} are free"
        return self.conclude(reason or "")

    def conclude(self, differing: str) -> SampleFindings:
        """Return what was found so far."""
        return SampleFindings(
            same=self._same,
            differing=differing,
            sample_bytes=self._format.sample_bytes if self._format else 0,
            sample_s=self._sample_s,
            tried=self._tried,
            repeats=self._repeats,
        )

    def _compare_shapes(self, samples: int) -> str | None:
        """Return why the samples tried don't fit one table, or None."""
        began_s = self._clock()
        reason = None
        for index in spread(samples, TRIED):
            batch = self._fetch([index])
            self._tried += 1
            if len(self._kept) < REPEATED:
                self._kept[index] = copy_leaves(batch)
            passed_s = self._clock() - began_s
            self._sample_s = passed_s / self._tried
            try:
                self._format = self._format or BatchFormat.of(batch)
                rows = self._view_rows(batch, 1)
                if index in self._kept:
                    self._rows[index] = rows
            except SampleError as error:
                reason = reason or str(error)
            if self._tried > 1 and (
                passed_s > self._longest_s or (reason is not None and self._has_kept_all)
            ):
                break
        return reason

    @property
    def _has_kept_all(self) -> bool:
        return len(self._kept) == REPEATED

    def _are_same(self) -> bool:
        """Fetch samples again, and return whether they are what they were."""
        began_s = self._clock()
        for index in itertools.islice(itertools.cycle(self._kept), REPEATS):
            self._repeats += 1
            if not are_same(copy_leaves(self._fetch([index])), self._kept[index]):
                return False
            if self._repeats > 1 and self._clock() - began_s > self._longest_s:
                break
        return True

    def _are_split_by_sample(self) -> bool:
        """Return whether a batch of several samples is what batches of one are, one after another."""
        several = list(self._rows)[: max(2, self._repeats // 3)]
        try:
            together = self._view_rows(self._fetch(several), len(several))
        except SampleError:
            return False
        joined = [np.concatenate(rows) for rows in zip(*(self._rows[i] for i in several), strict=True)]
        return all(np.array_equal(one, other) for one, other in zip(together, joined, strict=True))

    def _view_rows(self, batch: Any, samples: int) -> list[NDArray[Any]]:
        """Return the rows of a batch, leaf by leaf."""
        assert self._format is not None
        leaves = self._format.split(batch, samples)
        pairs = zip(self._format.leaves, leaves, strict=True)
        return [form.view_words(leaf).copy() for form, leaf in pairs]

    def _fetch(self, indices: list[int]) -> Any:
        """Return a batch, made while torch's, numpy's and Python's own generators have other states."""
        seed = next(self._seeds)
        # Not torch.manual_seed, which formats a stack for each kind of device, in a millisecond.
        torch.default_generator.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        return fetch(self._loader, indices)


def spread(samples: int, most: int) -> list[int]:
    """Return indices from the first to the last, equally far from each other.

    Args:
        samples: the number of samples.
        most: the largest number of indices.
    """
    if samples <= most:
        return list(range(samples))
    # The order of halves: wherever time ends, those that were tried lie far from each other.
    order = sorted(range(most), key=lambda place: (place & -place or most, place), reverse=True)
    return [round(place * (samples - 1) / (most - 1)) for place in order]


@contextlib.contextmanager
def _kept_states() -> Iterator[None]:
    """Give the generators of torch, numpy and Python their states back at the end."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])
