"""Turn the knobs of a DataLoader that exists already."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from loaders.spec.source_facts import DataLoaderSettings


def read_settings(loader: DataLoader[Any]) -> DataLoaderSettings:
    """Return the settings of a DataLoader."""
    context = loader.multiprocessing_context
    return DataLoaderSettings(
        batch_size=_read_batch_size(loader),
        num_workers=loader.num_workers,
        pin_memory=bool(loader.pin_memory),
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
        multiprocessing_context=None if context is None else context.get_start_method(),
        in_order=getattr(loader, "in_order", True),
    )


def can_resize(loader: DataLoader[Any]) -> bool:
    """Return whether the batch size can be varied: whether PyTorch's own BatchSampler makes the batches."""
    return _find_batch_sampler(loader) is not None


def turn_knobs(loader: DataLoader[Any], settings: DataLoaderSettings) -> None:
    """Change the settings of a DataLoader that hasn't been iterated yet.

    Its dataset, sampler, collate function, worker_init_fn, generator and drop_last stay as they are, and with
    workers its timeout, too. A DataLoader refuses most of these changes once it is made, because its workers
    may have started.

    Args:
        loader: the DataLoader.
        settings: the new settings. A batch size is changed only where `can_resize` is True.
    """
    name = _find_batch_sampler(loader)
    if name is not None and settings.batch_size not in (None, _read_batch_size(loader)):
        own = getattr(loader, name)
        _set(loader, name, BatchSampler(own.sampler, settings.batch_size, own.drop_last))
        if loader.batch_size is not None:
            _set(loader, "batch_size", settings.batch_size)
    _set(loader, "num_workers", settings.num_workers)
    _set(loader, "prefetch_factor", settings.prefetch_factor)
    _set(loader, "persistent_workers", settings.persistent_workers)
    _set(loader, "pin_memory", settings.pin_memory)
    _set(loader, "in_order", settings.in_order)
    _set(loader, "_iterator", None)
    if not settings.num_workers:
        # PyTorch asserts that a loader without workers has none.
        _set(loader, "timeout", 0)
    context = loader.multiprocessing_context
    method = settings.multiprocessing_context if settings.num_workers else None
    if method is None or context is None or context.get_start_method() != method:
        loader.multiprocessing_context = method


def copy_with(loader: DataLoader[Any], settings: DataLoaderSettings) -> DataLoader[Any]:
    """Return a DataLoader of the same class over the same objects, with other settings."""
    twin = copy.copy(loader)
    _set(twin, "_iterator", None)
    turn_knobs(twin, settings)
    return twin


class RecordingSampler:
    """Hands on what a sampler or batch sampler yields, and keeps it.

    It stays in the training process: workers get indices, no sampler.

    Attributes:
        asked: what was yielded in the present epoch: an index or a list of indices for each batch.
    """

    def __init__(self, sampler: Any) -> None:
        """Wrap a sampler.

        Args:
            sampler: a sampler or batch sampler.
        """
        self.sampler = sampler
        self.asked: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        self.asked = []
        keep = self.asked.append
        # A batch sampler of the user's own may change a list after it was yielded.
        changes = type(self.sampler) is not BatchSampler
        for indices in self.sampler:
            keep(copy.copy(indices) if changes else indices)
            yield indices

    def __len__(self) -> int:
        return len(self.sampler)

    def __getattr__(self, name: str) -> Any:
        # `set_epoch` of a DistributedSampler, and whatever else a loop calls on its sampler.
        if name == "sampler":
            raise AttributeError(name)
        return getattr(self.sampler, name)


def record_indices(loader: DataLoader[Any]) -> RecordingSampler | None:
    """Record the indices that a map-style DataLoader asks its dataset for.

    Returns:
        The recorder; None for a DataLoader over an iterable dataset, which asks for none.
    """
    if isinstance(loader.dataset, IterableDataset):
        return None
    name = "batch_sampler" if loader.batch_sampler is not None else "sampler"
    recorder = RecordingSampler(getattr(loader, name))
    _set(loader, name, recorder)
    return recorder


def stop_recording(loader: DataLoader[Any], recorder: RecordingSampler) -> None:
    """Give a DataLoader its own sampler back, where the recorder is the last one that was added."""
    for name in ("batch_sampler", "sampler"):
        if getattr(loader, name) is recorder:
            _set(loader, name, recorder.sampler)


def _find_batch_sampler(loader: DataLoader[Any]) -> str | None:
    """Return the attribute with PyTorch's own BatchSampler; None where something else makes the batches.

    With `batch_size=None` it may be the sampler.
    """
    name = "sampler" if loader.batch_sampler is None else "batch_sampler"
    return name if type(getattr(loader, name)) is BatchSampler else None


def _read_batch_size(loader: DataLoader[Any]) -> int | None:
    made_by = loader.batch_sampler if loader.batch_sampler is not None else loader.sampler
    size = getattr(made_by, "batch_size", None) if loader.batch_size is None else loader.batch_size
    return size if isinstance(size, int) else None


def _set(loader: DataLoader[Any], name: str, value: object) -> None:
    object.__setattr__(loader, name, value)
