"""FixedCostLoader: a loader with planned costs, which may cheat.

It belongs to no family, so no sweep offers it.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Queue, SimpleQueue
from typing import ClassVar

import torch

from bench.validation.cheats import CHEATS
from bench.validation.waiting import compute, wait_until
from loaders.data.batch import Batch
from loaders.data.dataset_ref import DatasetRef
from loaders.data.image_split import ImageSplit, SplitName
from loaders.spec.knobs import Knob
from loaders.spec.loader_spec import LoaderSpec

# Number of epochs that are prepared before the clock starts. They are delivered in turn.
PREPARED_EPOCHS = 4
CLASSES = tuple("abcdefghij")


def read_random_split(dataset: DatasetRef, split: SplitName) -> ImageSplit:
    """Return random pictures with random labels, the same in every process.

    Args:
        dataset: its name says how many, as in `random:300`.
        split: ignored.
    """
    del split
    random = torch.Generator().manual_seed(0)
    samples = int(dataset.name.partition(":")[2])
    images = torch.randint(256, (samples, 28, 28), dtype=torch.uint8, generator=random)
    labels = torch.randint(len(CLASSES), (samples,), generator=random)
    return ImageSplit(dataset.name, dataset.digest, images, labels, CLASSES)


@dataclass(frozen=True)
class ValidationSpec(LoaderSpec):
    """A LoaderSpec with fields that no sweep varies."""

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """Return the knobs that every loader has."""
        return LoaderSpec.declared_knobs()

    def typical_samples_per_s(self) -> float:
        """Raise NotImplementedError: validation estimates nothing."""
        raise NotImplementedError


@dataclass(frozen=True)
class FixedCostLoader(ValidationSpec):
    """A loader of prepared batches, each delivered at its planned time after the entry into `next()`.

    Attributes:
        build_s: time that `build` takes, in seconds.
        startup_s: time in `iter()`, in seconds.
        sample_s: time for each sample, in seconds.
        batch_s: time for each batch, in seconds, where no sample has one.
        slow_s: time for the 50th batch of each hundred instead, in seconds.
        end_s: time in the `next()` that finds no more, in seconds.
        drop_s: time to drop the iterator, in seconds.
        between_epochs_cpu_s: CPU seconds that a thread uses after each epoch.
        busy: compute for the time of a batch instead of sleeping.
        background: load all batches but the first ahead, in a thread.
        same_order: deliver the same shuffled order in every epoch.
        overwritten: use each batch's buffer again 1 ms after the batch was delivered.
        cheat: name in CHEATS.
        honest_epochs: number of epochs before the cheat begins.
    """

    build_s: float = 0.0
    startup_s: float = 0.0
    sample_s: float = 0.0
    batch_s: float = 0.0
    slow_s: float = 0.0
    end_s: float = 0.0
    drop_s: float = 0.0
    between_epochs_cpu_s: float = 0.0
    busy: bool = False
    background: bool = False
    same_order: bool = False
    overwritten: bool = False
    cheat: str = "none"
    honest_epochs: int = 0

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> PreparedEpochs:
        """Prepare the batches of some epochs."""
        entered = time.perf_counter_ns()
        epochs = []
        for epoch, order in enumerate(self._draw_orders(len(source), shuffle=shuffle, seed=seed)):
            batches = [
                (source.images[some].unsqueeze(1) / 255, source.labels[some])
                for some in torch.split(order, self.batch_size)
            ]
            epochs.append(CHEATS[self.cheat](batches) if epoch >= self.honest_epochs else batches)
        wait_until(entered, self.build_s)
        return PreparedEpochs(self, epochs)

    def _draw_orders(self, samples: int, *, shuffle: bool, seed: int) -> list[torch.Tensor]:
        """Return the sample numbers of each prepared epoch, int64 (samples,) each."""
        if not shuffle:
            return [torch.arange(samples)] * PREPARED_EPOCHS
        random = torch.Generator().manual_seed(seed)
        orders = [torch.randperm(samples, generator=random) for _ in range(PREPARED_EPOCHS)]
        return orders[:1] * PREPARED_EPOCHS if self.same_order else orders


@dataclass(frozen=True)
class StoredOrderLoader(FixedCostLoader):
    """A loader that never shuffles, and declares that."""

    same_order_each_epoch: ClassVar[bool] = True

    def _draw_orders(self, samples: int, *, shuffle: bool, seed: int) -> list[torch.Tensor]:
        del shuffle
        return super()._draw_orders(samples, shuffle=False, seed=seed)


class PreparedEpochs:
    """Prepared epochs, delivered in turn."""

    def __init__(self, spec: FixedCostLoader, epochs: list[list[Batch]]) -> None:
        self._spec = spec
        self._epochs = epochs
        self._next = 0
        # The thread starts here, since its start would lengthen an epoch by milliseconds.
        self._requests = start_computing_thread() if spec.between_epochs_cpu_s else None
        if self._requests is not None:
            weakref.finalize(self, self._requests.put, None)

    def __iter__(self) -> Iterator[Batch]:
        batches = self._epochs[self._next % len(self._epochs)]
        self._next += 1
        epoch = _PreparedEpoch(self._spec, batches, self._requests)
        return _load_in_background(epoch) if self._spec.background else epoch

    def place(self, move: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Move every tensor of every batch, as to a device."""
        self._epochs = [
            [(move(images), move(labels)) for images, labels in batches] for batches in self._epochs
        ]


class _PreparedEpoch:
    def __init__(
        self, spec: FixedCostLoader, batches: list[Batch], requests: SimpleQueue[float | None] | None = None
    ) -> None:
        entered = time.perf_counter_ns()
        self._spec = spec
        self._requests = requests
        self._batches = enumerate(batches)
        wait_until(entered, spec.startup_s)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return self.load(time.perf_counter_ns())

    def load(self, entered: int) -> Batch:
        """Return the next batch at its planned time.

        Args:
            entered: `time.perf_counter_ns()` from which the plan counts.

        Raises:
            StopIteration: there is no further batch.
        """
        spec = self._spec
        place, batch = next(self._batches, (0, None))
        if batch is None:
            wait_until(entered, spec.end_s)
            raise StopIteration
        if spec.sample_s:
            # All samples follow the batch's schedule, so that the next one makes up for a late one.
            for sample in range(1, len(batch[1]) + 1):
                wait_until(entered, sample * spec.sample_s)
        else:
            slow = spec.slow_s and place % 100 == 49
            wait_until(entered, spec.slow_s if slow else spec.batch_s, busy=spec.busy)
        if spec.overwritten:
            images, _ = batch
            threading.Timer(1e-3, images.copy_, [images.roll(1, 0)]).start()
        return batch

    def __del__(self) -> None:
        wait_until(time.perf_counter_ns(), self._spec.drop_s)
        if self._requests is not None:
            self._requests.put(self._spec.between_epochs_cpu_s)


def start_computing_thread() -> SimpleQueue[float | None]:
    """Start a thread that computes for each number of CPU seconds put into the queue; None ends it."""
    requests: SimpleQueue[float | None] = SimpleQueue()

    def serve() -> None:
        while (seconds := requests.get()) is not None:
            # A moment later, so that none of it falls into the epoch that ends now.
            time.sleep(0.2)
            compute(seconds)

    threading.Thread(target=serve, daemon=True, name="between epochs").start()
    return requests


def _load_in_background(batches: _PreparedEpoch) -> Iterator[Batch]:
    """Yield the batches: the first is loaded at once, the others by a thread."""
    entered = time.perf_counter_ns()
    queue: Queue[Batch | None] = Queue(2)
    first_is_loaded = threading.Event()

    def fill() -> None:
        first_is_loaded.wait()
        for batch in batches:
            queue.put(batch)
        queue.put(None)

    # The plan of the first batch holds the start of the thread, which can take a millisecond.
    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    first = batches.load(entered)
    first_is_loaded.set()
    yield first
    while (batch := queue.get()) is not None:
        yield batch
    thread.join()
