"""Find out whether a dataset fetches the samples of a batch at once."""

from __future__ import annotations

from typing import Any

from torch.utils.data import Subset


def fetches_batches(dataset: Any) -> bool:
    """Return whether a DataLoader asks a dataset for all samples of a batch at once, by `__getitems__`.

    A Subset always has this method, and asks the dataset below it for one sample after the other where that
    one has none.
    """
    if isinstance(dataset, Subset):
        return fetches_batches(dataset.dataset)
    return callable(getattr(dataset, "__getitems__", None))
