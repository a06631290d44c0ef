"""Arrivals: the order in which batches that may overtake each other arrive in the training process."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader
from torch.utils.data._utils.worker import _IterableDatasetStopIteration, _ResumeIteration
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter


class Arrivals:
    """The tasks of the batches of a DataLoader's present epoch, in the order of their arrival.

    With `in_order=False` a batch is delivered as soon as it arrives.

    Attributes:
        tasks: number of each task, from 0 in each epoch.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        """Begin without a batch.

        Args:
            loader: the DataLoader.
        """
        self.tasks: list[int] = []
        self._loader = loader
        self._iterator: weakref.ref[Any] | None = None

    def note(self, iterator: Any, task: Any, data: Any) -> None:
        """Note what an iterator has got from its workers.

        Args:
            iterator: torch's iterator over any DataLoader.
            task: number of the task, or a word of torch's own.
            data: the batch, or a word of torch's own.
        """
        if iterator._dataset is not self._loader.dataset or iterator._in_order:
            return
        if self._iterator is None or self._iterator() is not iterator:
            self._iterator = weakref.ref(iterator)
            self.tasks = []
        if isinstance(task, _ResumeIteration):
            # Workers that live on have finished with the epoch before.
            self.tasks = []
        elif not isinstance(data, _IterableDatasetStopIteration):
            self.tasks.append(task)


@contextmanager
def watch_arrivals(loader: DataLoader[Any]) -> Iterator[Arrivals]:
    """Keep the order of arrival of a DataLoader's batches, inside of a `with` block.

    Args:
        loader: a DataLoader with `in_order=False`.
    """
    arrivals = Arrivals(loader)
    take: Callable[[Any], Any] = _MultiProcessingDataLoaderIter._get_data

    def take_and_note(iterator: Any) -> Any:
        task, data = take(iterator)
        arrivals.note(iterator, task, data)
        return task, data

    # A method of the iterator itself would keep it alive, and its workers with it.
    _MultiProcessingDataLoaderIter._get_data = take_and_note  # type: ignore[method-assign]
    try:
        yield arrivals
    finally:
        _MultiProcessingDataLoaderIter._get_data = take  # type: ignore[method-assign]
