"""ReferenceBatches: what a user's dataset and collate function give for some indices."""

from __future__ import annotations

import copy
import itertools
import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader

# PyTorch's default.
PREFETCH_FACTOR = 2
# No seed that anybody sets: samples that vary must not be the same by chance.
FIRST_SEED = 7_340_125_861


class ReferenceBatches:
    """Loads batches by their indices, without any of the settings that a sweep varies.

    The user's dataset may open its files when it is first asked. If this process asked it, workers that are
    forked later would share these files' positions. So a loader with workers is asked through one worker.
    """

    def __init__(self, loader: DataLoader[Any], workers: int | None = None) -> None:
        """Take a loader.

        Args:
            loader: the user's DataLoader; it isn't changed.
            workers: worker processes, which load batches in turn; default None is one if the loader has any.
        """
        self._loader = loader
        self._workers = min(1, loader.num_workers) if workers is None else workers
        self._seeds = itertools.count(FIRST_SEED)

    @property
    def starts_slowly(self) -> bool:
        """True if each call starts a worker that isn't forked, which imports everything anew."""
        context = self._loader.multiprocessing_context or multiprocessing.get_context()
        return self._workers > 0 and context.get_start_method() != "fork"

    @property
    def keeps_workers(self) -> bool:
        """True if the loader's own workers stay when its epoch is over."""
        return self._loader.num_workers > 0 and self._loader.persistent_workers

    def load(self, asked: Sequence[Any]) -> list[Any]:
        """Return a batch for each element of what a sampler asked for.

        Args:
            asked: lists of indices; or indices, for a DataLoader that makes no batches.
        """
        with self.open(asked) as batches:
            return list(batches)

    @contextmanager
    def open(self, asked: Sequence[Any]) -> Iterator[Iterator[Any]]:
        """Load batches one after the other inside a `with` block, which may leave the last ones out.

        Args:
            asked: as for `load`.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(next(self._seeds))
            batches = iter(_copy_over(self._loader, list(asked), self._workers))
            try:
                yield batches
            finally:
                # A worker that has batches left to load would go on until Python forgets it.
                end = getattr(batches, "_shutdown_workers", None) or getattr(batches, "close", None)
                if end is not None:
                    end()


def _copy_over(loader: DataLoader[Any], asked: list[Any], workers: int) -> DataLoader[Any]:
    """Return a DataLoader of the same class that asks for these batches."""
    twin = copy.copy(loader)
    changes = {
        "batch_sampler" if loader.batch_sampler is not None else "sampler": asked,
        "num_workers": workers,
        "prefetch_factor": (loader.prefetch_factor or PREFETCH_FACTOR) if workers else None,
        "persistent_workers": False,
        "pin_memory": False,
        "in_order": True,
        # The user's own decides the order of epochs, which must stay.
        "generator": None,
        "_iterator": None,
    }
    for name, value in changes.items():
        # A DataLoader refuses other samplers once it is made.
        object.__setattr__(twin, name, value)
    return twin
