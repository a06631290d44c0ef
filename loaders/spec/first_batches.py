"""FirstBatches: a loader or sampler whose epochs end after a number of batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from loaders.ring.in_memory_loader import InMemoryLoader


class FirstBatches:
    """The first elements of an iterable; each `iter()` is an epoch.

    `iter()` calls the iterable's own at once, since that is where a loader starts its workers. The iterable's
    own iterator is dropped as soon as the epoch ends.
    """

    def __init__(self, source: Any, batches: int) -> None:
        """Limit an iterable.

        Args:
            source: a loader, or the sampler of one, with one element a batch.
            batches: most elements of an epoch, at least 1.
        """
        self.source = source
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.source), self.batches)

    def __len__(self) -> int:
        """Return the number of elements of an epoch; TypeError if the iterable has no length."""
        return min(len(self.source), self.batches)

    def __getattr__(self, name: str) -> Any:
        # `set_epoch` of a DistributedSampler, and whatever else a loop calls.
        if name == "source":
            raise AttributeError(name)
        return getattr(self.source, name)


def limit_stream(loader: DataLoader[Any], batches: int | None) -> DataLoader[Any] | FirstBatches:
    """Return a DataLoader whose epochs end after a number of batches, where no sampler can be limited.

    Args:
        loader: a DataLoader. One over a map-style dataset is returned as it is.
        batches: most batches of an epoch; None for the loader's own end.
    """
    if batches is None or not isinstance(loader.dataset, IterableDataset):
        return loader
    return FirstBatches(loader, batches)


def limit_epochs(loader: Any, batches: int | None) -> Any:
    """Return a loader whose epochs end after a number of batches.

    The sampler of a map-style DataLoader is limited. So its workers load no batch that nobody asks for, and
    its epochs end as shorter epochs do.

    Args:
        loader: a DataLoader of our own or an InMemoryLoader, which is changed; or another iterable of
            batches.
        batches: most batches of an epoch; None for the loader's own end.
    """
    if batches is None:
        return loader
    if isinstance(loader, DataLoader | InMemoryLoader) and not isinstance(loader.dataset, IterableDataset):
        name = "batch_sampler" if loader.batch_sampler is not None else "sampler"
        # A DataLoader refuses other samplers once it is made.
        object.__setattr__(loader, name, FirstBatches(getattr(loader, name), batches))
        return loader
    return FirstBatches(loader, batches)
