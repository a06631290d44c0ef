"""Copies of a DataLoader that deliver known batches: of known indices, or held by workers."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _DatasetKind

from bench.probes.held_batches import HeldBatches, QuietInit
from loaders.spec.turn_knobs import copy_with, read_settings


class Turns:
    """A sampler that yields the same elements in turn, without an end. It stays in the training process."""

    def __init__(self, elements: Sequence[Any]) -> None:
        """Keep the elements.

        Args:
            elements: an index or a list of indices for each batch.
        """
        self._elements = elements

    def __iter__(self) -> Iterator[Any]:
        return itertools.cycle(self._elements)


def copy_loader(
    loader: DataLoader[Any], asked: Sequence[Any] | None = None, *, pinned: bool = False
) -> DataLoader[Any]:
    """Return a DataLoader over the same dataset, whose workers end with its iterator.

    Args:
        loader: the DataLoader, which is left as it is.
        asked: index or list of indices of each batch, delivered in turn without an end; default None for
            those of the DataLoader's own sampler.
        pinned: whether its batches are pinned where the DataLoader's are; default False.
    """
    settings = read_settings(loader)
    pin_memory = pinned and settings.pin_memory
    twin = copy_with(loader, replace(settings, pin_memory=pin_memory, persistent_workers=False))
    if asked is not None:
        name = "batch_sampler" if loader.batch_sampler is not None else "sampler"
        _set(twin, name, Turns(asked))
    return twin


def hold_batches(loader: DataLoader[Any], batches: Sequence[Any]) -> DataLoader[Any]:
    """Return a DataLoader whose workers have their batches already, and deliver copies of them in turn.

    It has the same number of workers, start method, queue and pinning. Nothing in it needs our modules in a
    worker.

    Args:
        loader: the DataLoader, which is left as it is.
        batches: the batches, at least one.
    """
    twin = copy_loader(loader, pinned=True)
    _set(twin, "dataset", HeldBatches(batches))
    _set(twin, "_dataset_kind", _DatasetKind.Map)
    _set(twin, "batch_sampler", Turns([[turn] for turn in range(len(batches))]))
    _set(twin, "collate_fn", operator.itemgetter(0))
    _set(twin, "drop_last", False)
    if loader.worker_init_fn is not None:
        # It may choose how tensors are shared.
        _set(twin, "worker_init_fn", QuietInit(loader.worker_init_fn))
    return twin


def open_loader(loader: DataLoader[Any]) -> Iterator[Any]:
    """Return the iterator of a DataLoader, past an `__iter__` that a script's trial answers."""
    batches: Iterator[Any] = loader._get_iterator()
    return batches


def make_fetcher(loader: DataLoader[Any], collate: Callable[[Any], Any]) -> Any:
    """Return PyTorch's own fetcher of a DataLoader, which makes a batch of a list of indices.

    Args:
        loader: the DataLoader.
        collate: makes a batch of samples, in place of its own function.
    """
    return _DatasetKind.create_fetcher(  # type: ignore[no-untyped-call]
        loader._dataset_kind, loader.dataset, loader._auto_collation, collate, loader.drop_last
    )


def _set(loader: DataLoader[Any], name: str, value: object) -> None:
    # A DataLoader refuses such changes once it is made.
    object.__setattr__(loader, name, value)
