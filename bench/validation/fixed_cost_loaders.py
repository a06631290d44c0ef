"""Loaders and steps whose every cost is planned, and loaders that cheat, for `python -m bench.validate`.

They belong to no family: no sweep offers them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Queue

import torch

from bench.validation.cheats import CHEATS
from bench.validation.waiting import wait_until
from loaders.data.batch import Batch
from loaders.data.dataset_ref import DatasetRef
from loaders.data.image_split import ImageSplit, SplitName
from loaders.spec.knobs import Knob
from loaders.spec.loader_spec import LoaderSpec

# Epochs are prepared before the clock starts, and come again in turn.
PREPARED_EPOCHS = 4
CLASSES = tuple("abcdefghij")


def read_random_split(dataset: DatasetRef, split: SplitName) -> ImageSplit:
    """Random pictures with random labels, the same in every process; the dataset's name says how many."""
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
        """Those that every loader has."""
        return LoaderSpec.declared_knobs()

    def typical_samples_per_s(self) -> float:
        """Not asked: nothing is estimated here."""
        raise NotImplementedError


@dataclass(frozen=True)
class FixedCostLoader(ValidationSpec):
    """Delivers prepared batches, each at its planned time, counted from the entry into `next()`.

    startup_s: in `iter()`. sample_s, batch_s: for each sample, or each batch. slow_s: for the 50th batch of
    each hundred, instead. end_s: in the `next()` that finds no more. drop_s: when the iterator is dropped.
    busy: spend it computing, not sleeping. background: load all but the first ahead, in a thread. stored: in
    the stored order, whatever is asked for. cheat: a name in CHEATS, from epoch honest_epochs on.
    overwritten: each batch's buffer is used again 1 ms after it was handed over.
    """

    startup_s: float = 0.0
    sample_s: float = 0.0
    batch_s: float = 0.0
    slow_s: float = 0.0
    end_s: float = 0.0
    drop_s: float = 0.0
    busy: bool = False
    background: bool = False
    stored: bool = False
    overwritten: bool = False
    cheat: str = "none"
    honest_epochs: int = 0

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> PreparedEpochs:
        """Prepare the batches of some epochs."""
        random = torch.Generator().manual_seed(seed)
        epochs = []
        for epoch in range(PREPARED_EPOCHS):
            order = torch.arange(len(source))
            if shuffle and not self.stored:
                order = torch.randperm(len(source), generator=random)
            batches = [
                (source.images[some].unsqueeze(1) / 255, source.labels[some])
                for some in torch.split(order, self.batch_size)
            ]
            epochs.append(CHEATS[self.cheat](batches) if epoch >= self.honest_epochs else batches)
        return PreparedEpochs(self, epochs)


class PreparedEpochs:
    """Prepared epochs, in turn."""

    def __init__(self, spec: FixedCostLoader, epochs: list[list[Batch]]) -> None:
        self._spec = spec
        self._epochs = epochs
        self._next = 0

    def __iter__(self) -> Iterator[Batch]:
        batches = self._epochs[self._next % len(self._epochs)]
        self._next += 1
        epoch = _PreparedEpoch(self._spec, batches)
        return _in_background(epoch) if self._spec.background else epoch

    def place(self, placed: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Have every tensor lie where it is placed."""
        self._epochs = [
            [(placed(images), placed(labels)) for images, labels in batches] for batches in self._epochs
        ]


class _PreparedEpoch:
    def __init__(self, spec: FixedCostLoader, batches: list[Batch]) -> None:
        entered = time.perf_counter_ns()
        self._spec = spec
        self._batches = enumerate(batches)
        wait_until(entered, spec.startup_s)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        entered = time.perf_counter_ns()
        spec = self._spec
        place, batch = next(self._batches, (0, None))
        if batch is None:
            wait_until(entered, spec.end_s)
            raise StopIteration
        if spec.sample_s:
            # Each sample against the batch's own schedule, so that what one is late the next makes good.
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


def _in_background(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, the first loaded at once, the others by a thread beside whoever takes them."""
    queue: Queue[Batch | None] = Queue(2)

    def fill() -> None:
        for batch in batches:
            queue.put(batch)
        queue.put(None)

    first = next(batches)
    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    yield first
    while (batch := queue.get()) is not None:
        yield batch
    thread.join()
