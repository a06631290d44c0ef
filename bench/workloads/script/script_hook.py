"""Hook: the place at which the DataLoaders of a script become ours, their `iter()`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader

Iterate = Callable[[DataLoader[Any]], Iterator[Any]]
"""DataLoader's own `__iter__`."""


def hook_loaders(
    open_epoch: Callable[[DataLoader[Any], Iterate], Iterator[Any]],
    before_length: Callable[[DataLoader[Any]], object],
) -> None:
    """Let functions answer every `iter()` and `len()` of a DataLoader in this process, until its end.

    A subclass that has an `__iter__` of its own, such as that of Accelerate, calls DataLoader's in turn.
    Processes that this one starts are left alone: their DataLoaders are not those of the training.

    Args:
        open_epoch: takes the DataLoader and DataLoader's own `__iter__`, and returns the iterator.
        before_length: takes the DataLoader before its length is told. A schedule of learning rates may be
            made by it, so the batch size must have its value by then.
    """
    iterate: Iterate = DataLoader.__iter__
    measure: Callable[[DataLoader[Any]], int] = DataLoader.__len__
    process = os.getpid()

    def answer(loader: DataLoader[Any]) -> Iterator[Any]:
        return open_epoch(loader, iterate) if os.getpid() == process else iterate(loader)

    def tell_length(loader: DataLoader[Any]) -> int:
        if os.getpid() == process:
            before_length(loader)
        return measure(loader)

    DataLoader.__iter__ = answer  # type: ignore[method-assign, assignment]
    DataLoader.__len__ = tell_length  # type: ignore[method-assign]
