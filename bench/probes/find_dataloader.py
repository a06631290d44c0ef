"""Find the DataLoader that a loader of batches takes them from."""

from __future__ import annotations

from typing import Any

from torch.utils.data import DataLoader

from loaders.spec.first_batches import FirstBatches


def find_dataloader(loader: Any) -> DataLoader[Any] | None:
    """Return the DataLoader whose batches a loader delivers one by one; None for a loader without one.

    Args:
        loader: a DataLoader, the first batches of one, or a loader that keeps one as `dataloader`.
    """
    if isinstance(loader, DataLoader):
        return loader
    if isinstance(loader, FirstBatches):
        return find_dataloader(loader.source)
    inner = getattr(loader, "dataloader", None)
    return inner if isinstance(inner, DataLoader) else None
