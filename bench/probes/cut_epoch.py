"""CutEpoch: one epoch in this process that ends at a stage, loaded part by part."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from bench.probes.loader_copies import make_fetcher
from bench.probes.stretch import NoBatchError, Stretch
from bench.probes.transform_gate import pass_on
from bench.probes.transforms import TransformSlot
from loaders.data.nested_batch import count_samples


@dataclass(frozen=True)
class Stages:
    """The stages of a cut epoch.

    Attributes:
        gated: transforms that pass their input on.
        collates: whether samples are collated.
    """

    gated: tuple[TransformSlot, ...]
    collates: bool


class CutEpoch:
    """One epoch of a DataLoader in this process, by PyTorch's own fetcher.

    The first batch of an iterable dataset is its start-up, as it opens files and fills buffers.

    Attributes:
        has_ended: whether the dataset yields no more, or has failed.
        batches: number of batches so far.
    """

    def __init__(self, loader: DataLoader[Any], stages: Stages) -> None:
        """Prepare an epoch; nothing is loaded yet.

        Args:
            loader: the DataLoader.
            stages: the stages that are run.
        """
        self.has_ended = False
        self.batches = 0
        self._loader = loader
        self._gated = stages.gated
        self._collate = CountingCollate(loader, collates=stages.collates)
        self._is_iterable = isinstance(loader.dataset, IterableDataset)
        self._fetch: Callable[[Any], Any] | None = None
        self._first: Stretch | None = None
        self._samples = 0
        self._wall_s = self._cpu_s = 0.0
        self._error: Exception | None = None

    def load(self, part: Iterable[Any]) -> None:
        """Load the next batches, and add their time.

        Args:
            part: index or list of indices of each batch.
        """
        with pass_on(self._gated):
            clock = Clock()
            try:
                self._load(part, clock)
            except StopIteration as error:
                self.has_ended = True
                self._error = None if self._is_iterable else error
            # A user's dataset may raise anything.
            except Exception as error:
                self.has_ended, self._error = True, error
            stretch = clock.stop(0, 0)
        self._wall_s += stretch.wall_s
        self._cpu_s += stretch.cpu_s

    def _load(self, part: Iterable[Any], clock: Clock) -> None:
        if self._fetch is None:
            self._fetch = make_fetcher(self._loader, self._collate).fetch
        fetch = self._fetch
        for asked in part:
            fetch(asked)
            self.batches += 1
            self._samples += count_indices(asked)
            if self._is_iterable and self._first is None:
                self._first = clock.stop(1, self._collate.samples)
                clock.start()

    def finish(self) -> Stretch:
        """Return the time of the epoch.

        Raises:
            Exception: what the dataset has raised.
            NoBatchError: it yields nothing.
        """
        if self._error is not None:
            raise self._error
        if not self.batches:
            raise NoBatchError("the dataset yields nothing")
        if self._first is None:
            # A dataset that fetches a batch at once may return it in any form, so its indices are counted.
            samples = self._samples if self._loader.batch_sampler is not None else self._collate.samples
            return Stretch(self.batches, samples, self._wall_s, self._cpu_s)
        if self.batches == 1:
            return self._first
        samples = self._collate.samples - self._first.samples
        return Stretch(self.batches - 1, samples, self._wall_s, self._cpu_s, self._first.wall_s)


class Clock:
    """The wall time and the CPU time of this process since its start."""

    def __init__(self) -> None:
        """Start the clock."""
        self.start()

    def start(self) -> None:
        """Start again."""
        self._cpu_s, self._began_s = time.process_time(), time.perf_counter()

    def read_s(self) -> float:
        """Return the wall time in seconds."""
        return time.perf_counter() - self._began_s

    def stop(self, batches: int, samples: int) -> Stretch:
        """Return the stretch that ends here.

        Args:
            batches: number of its batches.
            samples: number of their samples.
        """
        wall_s = self.read_s()
        return Stretch(batches, samples, wall_s, time.process_time() - self._cpu_s)


class CountingCollate:
    """Counts the samples of each batch, and collates them.

    Attributes:
        samples: number of samples so far; 0 for a dataset that is asked for lists of indices.
    """

    def __init__(self, loader: DataLoader[Any], *, collates: bool) -> None:
        """Prepare to collate.

        Args:
            loader: has the collate function.
            collates: whether samples are collated; else they are returned as they are.
        """
        self.samples = 0
        self._function: Callable[[Any], Any] | None = loader.collate_fn if collates else None
        self._count: Callable[[Any], int] | None = len
        if not loader._auto_collation:
            # The dataset makes whole batches.
            self._count = count_samples
        elif not isinstance(loader.dataset, IterableDataset):
            # A dataset with `__getitems__` may return a batch that has no length.
            self._count = None

    def __call__(self, data: Any) -> Any:
        """Return a batch of samples."""
        if self._count is not None:
            self.samples += self._count(data)
        return data if self._function is None else self._function(data)


def count_indices(asked: Any) -> int:
    """Return the number of samples that are asked for.

    Args:
        asked: an index, or a list of indices.
    """
    return len(asked) if isinstance(asked, list | tuple) else 1
