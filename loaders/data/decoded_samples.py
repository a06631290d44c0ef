"""DecodedSamples: all samples of a dataset in memory, one array of rows for each leaf of its batches."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from typing_extensions import Self

from loaders.data.batch_format import BatchFormat, SampleError

# A piece of this many samples or bytes is decoded at once. Workers send it through shared memory.
PIECE_SAMPLES, PIECE_BYTES = 64, 4 << 20
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class DecodedSamples:
    """All samples of a dataset, in the order of their indices.

    Attributes:
        format: format of the batches.
        columns: for each leaf of the format its rows as words, (samples,) or (samples, words).
    """

    format: BatchFormat
    columns: tuple[NDArray[Any], ...]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.columns[0])

    @classmethod
    def decode(
        cls, loader: DataLoader[Any], *, num_workers: int | None = None, progress: Progress | None = None
    ) -> Self:
        """Ask a dataset for every sample once, and keep what the collate function makes of it.

        Args:
            loader: a DataLoader over the dataset; its dataset, collate function, worker_init_fn and start
                method are used.
            num_workers: worker processes that decode; 0 decodes in this process. Default None: the loader's
                own number, or one for each core where it has none.
            progress: called with the samples done and all samples; default None.

        Raises:
            SampleError: the samples can't be kept in memory.
        """
        samples, decoding = cls.begin(loader, num_workers=num_workers)
        for done in decoding:
            if progress is not None:
                progress(done, len(samples))
        return samples

    @classmethod
    def begin(cls, loader: DataLoader[Any], *, num_workers: int | None = None) -> tuple[Self, Iterator[int]]:
        """Return room for a dataset's samples, and what fills it.

        With workers, this process asks for no sample. A dataset may open its files when it is first asked,
        and workers that were forked afterwards would share the files' positions.

        Args:
            loader: as in `decode`.
            num_workers: as in `decode`.

        Returns:
            The samples, and an iterator that decodes piece by piece and yields the number of samples done.

        Raises:
            SampleError: the samples can't be kept in memory. The iterator raises it too.
        """
        pieces = _Pieces(count_dataset(loader))
        workers = num_workers if num_workers is not None else loader.num_workers or usable_cores()
        decoder: DataLoader[Any] = DataLoader(
            loader.dataset,
            batch_sampler=pieces,
            num_workers=workers,
            collate_fn=loader.collate_fn,
            worker_init_fn=loader.worker_init_fn,
            multiprocessing_context=loader.multiprocessing_context if workers else None,
            # It draws the seed of the workers: torch's own generator keeps its state.
            generator=torch.Generator("cpu"),
        )
        batches = iter(decoder)
        first = next(batches)
        samples = cls.allocate(BatchFormat.of(first), pieces.samples)
        pieces.size = max(1, min(PIECE_SAMPLES, PIECE_BYTES // max(1, samples.format.sample_bytes)))
        return samples, samples._fill(chain([first], batches), pieces)

    @classmethod
    def allocate(cls, batch_format: BatchFormat, count: int) -> Self:
        """Return room for samples.

        Args:
            batch_format: format of the batches.
            count: the number of samples.
        """
        # The system gives memory as it is written.
        columns = (np.empty((count, *leaf.row_words), leaf.word) for leaf in batch_format.leaves)
        return cls(batch_format, tuple(columns))

    def _fill(self, batches: Iterator[Any], pieces: _Pieces) -> Iterator[int]:
        """Write each piece into its rows, and yield the number of samples done."""
        done = 0
        for batch in batches:
            rows = pieces.asked.popleft()
            leaves = self.format.split(batch, rows)
            for column, form, leaf in zip(self.columns, self.format.leaves, leaves, strict=True):
                column[done : done + rows] = form.view_words(leaf)
            done += rows
            yield done

    def write(self, file: BinaryIO) -> None:
        """Write the rows of all columns, one column after another."""
        for column in self.columns:
            file.write(column.reshape(-1).view(np.uint8).data)

    @classmethod
    def read(cls, file: BinaryIO, loader: DataLoader[Any]) -> Self:
        """Read the rows that `write` has written, into memory of this process.

        Args:
            file: the file.
            loader: a DataLoader over the dataset, which is asked for one sample.

        Raises:
            SampleError: the file holds another number of bytes than the samples of this dataset have.
        """
        samples = cls.allocate(BatchFormat.of(fetch(loader, [0])), count_dataset(loader))
        for column in samples.columns:
            data = column.reshape(-1).view(np.uint8)
            if file.readinto(data.data) != len(data):  # type: ignore[attr-defined]
                raise SampleError("the kept samples are fewer than those of the dataset")
        return samples


class _Pieces:
    """A batch sampler of all samples in stored order.

    Attributes:
        samples: the number of samples.
        size: samples in a piece that is asked for from now on; 1 until the size of a sample is known.
        asked: sizes of the pieces that were asked for and not taken yet.
    """

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.size = 1
        self.asked: deque[int] = deque()

    def __iter__(self) -> Iterator[list[int]]:
        start = 0
        while start < self.samples:
            end = min(self.samples, start + self.size)
            self.asked.append(end - start)
            yield list(range(start, end))
            start = end


def fetch(loader: DataLoader[Any], indices: list[int]) -> Any:
    """Return the batch of these samples, made in this process as the DataLoader makes it.

    Args:
        loader: a DataLoader over a map-style dataset.
        indices: the samples.
    """
    dataset: Any = loader.dataset
    if getattr(dataset, "__getitems__", None):
        return loader.collate_fn(dataset.__getitems__(indices))
    return loader.collate_fn([dataset[index] for index in indices])


def count_dataset(loader: DataLoader[Any]) -> int:
    """Return the number of samples of a map-style dataset.

    Raises:
        SampleError: it doesn't tell, or it is empty.
    """
    try:
        count = len(loader.dataset)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError):
        raise SampleError("the dataset has no length") from None
    if count < 1:
        raise SampleError("the dataset is empty")
    return count


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
