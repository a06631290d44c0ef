"""Shards read as a stream through a shuffle buffer, as in formats for data beyond memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from loaders.data.batch import Batch
from loaders.data.conversion import Conversion, Progress
from loaders.data.image_split import ImageSplit
from loaders.device.resize import resize
from loaders.spec.dataloader_spec import NUM_WORKERS, DataLoaderSpec, return_batch
from loaders.spec.example_code import ExampleCode
from loaders.spec.knobs import Integer, Knob, knob
from loaders.spec.loader_spec import LoaderSpec

SHUFFLE_BUFFER = Knob(
    "shuffle_buffer",
    Integer(1, 100_000_000),
    help="samples that each worker holds and draws its batches from; at least one batch",
    quick=(1_000, 10_000),
)

SHARD_SAMPLES = 4096
LEAST_SHARDS = 16

Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Rows = tuple[Pixels, Numbers]
"""Images uint8 (n, H, W) and labels int64 (n,)."""


def shard_size(samples: int) -> int:
    """Return the samples in a shard; the last one may hold fewer.

    A small dataset is cut into shards, too, so that there are shards to shuffle.
    """
    return min(SHARD_SAMPLES, max(1, samples // LEAST_SHARDS))


def shard_paths(folder: Path, shard: int) -> tuple[Path, Path]:
    """Return the files of a shard's images and labels."""
    return folder / f"{shard:06}-images.npy", folder / f"{shard:06}-labels.npy"


def write_shards(source: ImageSplit, folder: Path, progress: Progress) -> None:
    """Write the shards one by one, so that at most one of them is in memory.

    Args:
        source: the data.
        folder: where the shards are written.
        progress: called with the samples written and all samples.
    """
    samples, size = len(source), shard_size(len(source))
    for shard, start in enumerate(range(0, samples, size)):
        stop = min(start + size, samples)
        images, labels = shard_paths(folder, shard)
        np.save(images, source.images[start:stop].numpy())
        np.save(labels, source.labels[start:stop].numpy())
        progress(stop, samples)


SHARDS = Conversion("stream", 1, write_shards)


def share_of(worker: int, workers: int, *, samples: int, batch_size: int) -> range:
    """Return a worker's part of a shuffled epoch's stream: a run of places, in whole batches.

    The DataLoader takes a batch from each worker in turn. So of T batches, worker w of W makes
    ceil((T - w) / W), and worker (T - 1) % W makes the last one, which may be smaller.

    Args:
        worker: the worker's number.
        workers: the number of workers.
        samples: samples in an epoch.
        batch_size: samples in a batch.
    """
    batches = -(-samples // batch_size)
    missing = batches * batch_size - samples

    def start(of: int) -> int:
        before = sum(len(range(earlier, batches, workers)) for earlier in range(of))
        return before * batch_size - missing * ((batches - 1) % workers < of)

    return range(start(worker), start(worker + 1))


class ShardStream:
    """The shards one after another, readable at any place; one of them is open at a time.

    Args:
        folder: the folder of the shards.
        shape: (N, H, W) of all images.
        order: the number of each shard in the stream, int64.

    Attributes:
        starts: the place where each shard begins, and the place after the last one.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...], order: Numbers) -> None:
        samples, size = shape[0], shard_size(shape[0])
        self.folder = folder
        self.shape = shape
        self.order = order
        self.starts = np.concatenate(([0], np.cumsum(np.minimum(size, samples - order * size))))
        self._open: tuple[int, Rows] | None = None

    def read(self, span: range) -> Iterator[tuple[slice, Pixels, Numbers]]:
        """Yield the rows at these places shard by shard: a slice of `span`, images and labels, as views."""
        start = span.start
        while start < span.stop:
            turn = int(np.searchsorted(self.starts, start, side="right")) - 1
            first, end = (int(edge) for edge in self.starts[turn : turn + 2])
            stop = min(span.stop, end)
            (images, labels), rows = self._shard(turn), slice(start - first, stop - first)
            yield slice(start - span.start, stop - span.start), images[rows], labels[rows]
            start = stop

    def copy(self, span: range) -> Rows:
        """Return a copy of the rows at these places."""
        rows = np.empty((len(span), *self.shape[1:]), np.uint8), np.empty(len(span), np.int64)
        for at, images, labels in self.read(span):
            rows[0][at], rows[1][at] = images, labels
        return rows

    def _shard(self, turn: int) -> Rows:
        if self._open is None or self._open[0] != turn:
            images, labels = shard_paths(self.folder, int(self.order[turn]))
            # Mapped, so that only the requested rows are read.
            self._open = turn, (np.asarray(np.load(images, mmap_mode="r")), np.load(labels))
        return self._open[1]


def draw_batches(
    stream: ShardStream, share: range, batch_size: int, buffer: int, random: np.random.Generator
) -> Iterator[Rows]:
    """Yield batches drawn at random from a buffer, whose gaps the stream then fills.

    Args:
        stream: the shards.
        share: the places of the stream to deliver.
        batch_size: samples in a batch.
        buffer: samples in the buffer; at least one batch is held.
        random: draws the samples.
    """
    held = min(max(buffer, batch_size), len(share))
    images, labels = stream.copy(share[:held])
    coming, gaps = share[held:], np.arange(0)
    while coming:
        drawn = random.choice(held, batch_size, replace=False)
        yield images[drawn], labels[drawn]
        for at, new_images, new_labels in stream.read(coming[:batch_size]):
            images[drawn[at]], labels[drawn[at]] = new_images, new_labels
        gaps, coming = drawn[len(coming) :], coming[batch_size:]
    # Nothing comes in any more, so the remaining draws are one permutation.
    rest = random.permutation(np.delete(np.arange(held), gaps))
    for start in range(0, len(rest), batch_size):
        drawn = rest[start : start + batch_size]
        yield images[drawn], labels[drawn]


@dataclass(eq=False)
class ShardDataset(IterableDataset[Batch]):
    """Whole batches of one epoch: in a worker that worker's own, elsewhere all.

    Attributes:
        spec: the knobs.
        folder: the folder of the shards.
        shape: (N, H, W) of all images.
        shuffle: whether each epoch has a random order.
        seed: decides the orders of all epochs.
        epoch: number of the next epoch. With persistent workers it is a tensor in shared memory, which
            reaches the copy of the dataset that each worker keeps. Otherwise it is a number that is fixed
            when a worker starts, so that two epochs at the same time don't disturb each other.
    """

    spec: Stream
    folder: Path
    shape: tuple[int, ...]
    shuffle: bool
    seed: int
    epoch: int | torch.Tensor

    def __iter__(self) -> Iterator[Batch]:
        """Return batches: float32 (B, 1, H, W) in [0, 1] and int64 (B,)."""
        # No generator, so that the epoch's number is read now.
        info = get_worker_info()
        # Without its number each worker would deliver the whole set (pytorch #30599).
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        return map(self._batch, self._rows(worker, workers, int(self.epoch)))

    def _rows(self, worker: int, workers: int, epoch: int) -> Iterator[Rows]:
        samples, size = self.shape[0], self.spec.batch_size
        order = np.arange(-(-samples // shard_size(samples)))
        if self.shuffle:
            # The order of the shards is the same in all workers, and nothing else is.
            np.random.default_rng((self.seed, epoch)).shuffle(order)
        stream = ShardStream(self.folder, self.shape, order)
        if not self.shuffle:
            starts = range(0, samples, size)[worker::workers]
            return (stream.copy(range(samples)[start : start + size]) for start in starts)
        share = share_of(worker, workers, samples=samples, batch_size=size)
        own = np.random.default_rng((self.seed, epoch, worker + 1))
        return draw_batches(stream, share, size, self.spec.shuffle_buffer, own)

    def _batch(self, rows: Rows) -> Batch:
        images = torch.from_numpy(rows[0]).to(torch.float32).div_(255)
        if self.spec.resize is not None:
            images = resize(images, self.spec.resize)
        return images.unsqueeze(1), torch.from_numpy(rows[1])


@dataclass(frozen=True, eq=False)
class StreamLoader:
    """Loader whose epochs are those of a DataLoader over shards, each in the next order.

    Attributes:
        dataset: the shards.
        dataloader: runs the workers.
    """

    dataset: ShardDataset
    dataloader: DataLoader[Any]

    def __iter__(self) -> Iterator[Batch]:
        # Before workers are started or get the next epoch; in place, for the tensor that they share.
        self.dataset.epoch += 1
        return iter(self.dataloader)


@dataclass(frozen=True)
class Stream(DataLoaderSpec):
    """An IterableDataset over shards, split between the workers, with a shuffle buffer in each.

    This is no uniform shuffle. The order of the shards is random, but a batch is drawn from a buffer that
    holds samples of a few neighbouring shards. Samples that are stored far apart rarely meet in a batch, and
    a dataset stored by class stays nearly so with a small buffer. The results' column `shuffle_quality`
    measures it. The order also depends on `num_workers`, since each worker has its own part of the epoch.

    Attributes:
        num_workers: worker processes; default 1.
        shuffle_buffer: samples that each worker draws its batches from; default 10,000.
    """

    shuffles_fully: ClassVar[bool] = False

    num_workers: int = knob(NUM_WORKERS, 1)
    shuffle_buffer: int = knob(SHUFFLE_BUFFER, 10_000)

    def typical_samples_per_s(self) -> float:
        """Return about how many samples a second this loader delivers on two cores."""
        # Every batch of a worker crosses to another process, which costs more than making it.
        pixels = 1 if self.resize is None else (self.resize / 28) ** 2
        crossing = 0.0 if self.num_workers == 0 else pixels / 150_000
        resizing = 0.0 if self.resize is None else pixels / 500_000
        return 1 / (1 / 500_000 + crossing + resizing)

    def prepare(self, source: ImageSplit, progress: Progress | None = None) -> None:
        """Write the shards, or check every byte of them; raise DataError if they can't be written."""
        SHARDS.prepare(source, progress, verify=True)

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return a loader over the shards, which are written first if they are missing.

        Raises:
            DataError: they can't be written.
        """
        epoch: int | torch.Tensor = 0
        if self.persistent_workers:
            # An inference tensor could only be changed in inference mode.
            with torch.inference_mode(False):
                number = torch.zeros((), dtype=torch.int64, device="cpu")
                epoch = number.share_memory_()  # type: ignore[no-untyped-call]
        shape = tuple(source.images.shape)
        dataset = ShardDataset(self, SHARDS.prepare(source), shape, shuffle, seed, epoch)
        # The dataset shuffles; an IterableDataset has no sampler.
        dataloader = self.make_dataloader(
            dataset, shuffle=False, seed=seed, collate_fn=return_batch, batched=True
        )
        return StreamLoader(dataset, dataloader)

    def loader_code(self) -> ExampleCode:
        """Return the code that calls `build`, since the shards are this family's own format."""
        return LoaderSpec.loader_code(self)
