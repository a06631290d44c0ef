"""Loaders and steps whose every cost is planned, and loaders that cheat, for `python -m bench.validate`.

They belong to no family: no sweep offers them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from queue import Queue

import torch
from torch.utils import data

from bench.trial import Trial
from loaders.knobs import Knob
from loaders.pipeline import Pipeline
from loaders.source import Dataset, Source, Split
from loaders.spec import Batch, LoaderSpec

# time.sleep comes back too late, by 0.1 ms, and by up to this much where others want the core: what is left
# of a wait is spun.
SPIN_NS = 3_000_000
# Epochs are prepared before the clock starts, and come again in turn.
PREPARED_EPOCHS = 4
CLASSES = tuple("abcdefghij")


def read(dataset: Dataset, split: Split) -> Source:
    """Random pictures with random labels, the same in every process; the dataset's name says how many."""
    del split
    random = torch.Generator().manual_seed(0)
    samples = int(dataset.name.partition(":")[2])
    images = torch.randint(256, (samples, 28, 28), dtype=torch.uint8, generator=random)
    labels = torch.randint(len(CLASSES), (samples,), generator=random)
    return Source(dataset.name, dataset.digest, images, labels, CLASSES)


def wait_until(start_ns: int, seconds: float, *, busy: bool = False) -> None:
    """Return so many seconds after start_ns, to some microseconds; busy: without ever sleeping."""
    deadline = start_ns + round(seconds * 1e9)
    if not busy and (left := deadline - time.perf_counter_ns() - SPIN_NS) > 0:
        time.sleep(left * 1e-9)
    while time.perf_counter_ns() < deadline:
        pass


@dataclass(frozen=True)
class KnownSpec(LoaderSpec):
    """A LoaderSpec with fields that no sweep varies."""

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """Those that every loader has."""
        return LoaderSpec.declared_knobs()

    def typical_samples_per_s(self) -> float:
        """Not asked: nothing is estimated here."""
        raise NotImplementedError


@dataclass(frozen=True)
class KnownLoader(KnownSpec):
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

    def build(self, source: Source, *, shuffle: bool, seed: int) -> KnownEpochs:
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
        return KnownEpochs(self, epochs)


class KnownEpochs:
    """Prepared epochs, in turn."""

    def __init__(self, spec: KnownLoader, epochs: list[list[Batch]]) -> None:
        self._spec = spec
        self._epochs = epochs
        self._next = 0

    def __iter__(self) -> Iterator[Batch]:
        batches = self._epochs[self._next % len(self._epochs)]
        self._next += 1
        epoch = _KnownEpoch(self._spec, batches)
        return _in_background(epoch) if self._spec.background else epoch

    def place(self, placed: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Have every tensor lie where it is placed."""
        self._epochs = [
            [(placed(images), placed(labels)) for images, labels in batches] for batches in self._epochs
        ]


class _KnownEpoch:
    def __init__(self, spec: KnownLoader, batches: list[Batch]) -> None:
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


@dataclass(frozen=True)
class KnownWorkers(KnownSpec):
    """torch's own DataLoader, whose workers get a sample each every sample_s; they stay between epochs."""

    workers: int = 2
    sample_s: float = 0.0

    def build(self, source: Source, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """A DataLoader over a map-style dataset."""
        random = torch.Generator().manual_seed(seed)
        return data.DataLoader(
            _KnownSamples(source, self.sample_s), self.batch_size, shuffle, num_workers=self.workers,
            persistent_workers=True, generator=random,
        )  # fmt: skip


class _KnownSamples(data.Dataset[Batch]):
    def __init__(self, source: Source, sample_s: float) -> None:
        self._source = source
        self._sample_s = sample_s
        self._due = 0

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, number: int) -> Batch:
        # A schedule that goes on from sample to sample: what one is late the next makes good. Where nothing
        # was wanted for longer, as between epochs, it starts anew.
        now = time.perf_counter_ns()
        start = self._due if now - self._due < self._sample_s * 1e9 else now
        self._due = start + round(self._sample_s * 1e9)
        time.sleep(max(0, self._due - time.perf_counter_ns()) * 1e-9)
        return self._source.images[number, None] / 255, self._source.labels[number]


@dataclass(frozen=True)
class UnshardedWorkers(KnownSpec):
    """An IterableDataset that is not sharded: each worker delivers all of it (pytorch #30599)."""

    workers: int = 2
    batch_s: float = 0.0

    def build(self, source: Source, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """A DataLoader whose workers each have all batches."""
        loader = KnownLoader(self.batch_size, batch_s=self.batch_s).build(source, shuffle=shuffle, seed=seed)
        return data.DataLoader(_Unsharded(loader), batch_size=None, num_workers=self.workers)


class _Unsharded(data.IterableDataset[Batch]):
    def __init__(self, loader: Iterable[Batch]) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._loader)


def _repeats(batches: list[Batch]) -> list[Batch]:
    for images, labels in batches:
        some = max(1, len(labels) // 100)
        images[-some:], labels[-some:] = images[:some], labels[:some]
    return batches


def _repeats_one(batches: list[Batch]) -> list[Batch]:
    (images, labels), *others = batches
    images[0], labels[0] = images[1], labels[1]
    return [(images, labels), *others]


def _one_besides(batches: list[Batch]) -> list[Batch]:
    (images, labels), *others = batches
    return [(torch.cat([images, images[:1]]), torch.cat([labels, labels[:1]])), *others]


def _swaps_labels(batches: list[Batch]) -> list[Batch]:
    (images, labels), *others = batches
    return [(images, labels.roll(1)), *others]


def _truncates(batches: list[Batch]) -> list[Batch]:
    for images, _ in batches:
        images[..., images.shape[-2] // 2 :, :] = 0
    return batches


def _of_images(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[list[Batch]], list[Batch]]:
    return lambda batches: [(change(images), labels) for images, labels in batches]


CHEATS: Mapping[str, Callable[[list[Batch]], list[Batch]]] = {
    "none": lambda batches: batches,
    "repeats": _repeats,
    "repeats-one": _repeats_one,
    "one-besides": _one_besides,
    "drops": lambda batches: batches[:-1],
    "swaps-labels": _swaps_labels,
    "truncates": _truncates,
    "range": _of_images(lambda images: images * 255),
    "dtype": _of_images(torch.Tensor.double),
    "shape": _of_images(lambda images: images.squeeze(1)),
}


@dataclass(frozen=True)
class KnownStep:
    """A train step that learns nothing and takes seconds; 0 for none."""

    seconds: float
    model = None

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Wait, counted from the entry."""
        del images, labels
        wait_until(time.perf_counter_ns(), self.seconds)

    def mean_loss(self) -> None:
        """None: nothing is learnt."""

    def reset(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class KnownTrial(Trial):
    """A trial with a step of known length."""

    step_s: float = 0.0

    def make_step(self, source: Source, pipeline: Pipeline) -> KnownStep:
        """That step, whatever the data."""
        del source, pipeline
        return KnownStep(self.step_s)
