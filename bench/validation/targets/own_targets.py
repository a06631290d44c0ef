"""Loaders, datasets and a step of planned costs, as a user's own file holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from pacing import Pace, wait
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate, get_worker_info

# Collating one tensor takes the least time that isn't planned.
Sample = torch.Tensor


def make_sample(number: int) -> Sample:
    """Return a sample that no other one equals, float32 (8,)."""
    return torch.full((8,), float(number))


class PacedSamples(Dataset[Sample]):
    """A map-style dataset whose samples take a planned time.

    Attributes:
        samples: number of samples.
        sample_ms: milliseconds that each sample takes.
        first_ms: milliseconds that sample 0 takes besides.
        noisy: whether a sample differs each time, as by an augmentation.
    """

    def __init__(
        self, samples: int = 300, sample_ms: float = 0, first_ms: float = 0, *, noisy: bool = False
    ) -> None:
        """Plan the times."""
        self.samples = samples
        self.sample_ms = sample_ms
        self.first_ms = first_ms
        self.noisy = noisy
        self._pace = Pace()

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> Sample:
        if milliseconds := self.sample_ms + (0 if index else self.first_ms):
            self._pace.wait(milliseconds * 1e-3, anew=index == 0)
        return make_sample(index) + torch.rand(8) if self.noisy else make_sample(index)


class PacedStream(IterableDataset[Sample]):
    """An iterable dataset whose samples take a planned time, split between workers.

    Attributes:
        samples: number of samples.
        sample_ms: milliseconds that each sample takes.
        fault: `none`; `unsplit`, where each worker delivers all samples; `skips`, where each worker leaves
            out its last one; `repeats`, where each worker delivers one again in place of another; `late`,
            where each epoch but the first leaves one out.
    """

    def __init__(self, samples: int, sample_ms: float = 0, fault: str = "none") -> None:
        """Plan the times."""
        self.samples = samples
        self.sample_ms = sample_ms
        self.fault = fault
        self._epochs = 0
        self._pace = Pace()

    def __iter__(self) -> Iterator[Sample]:
        for number in self._choose_part():
            if self.sample_ms:
                self._pace.wait(self.sample_ms * 1e-3, anew=number == 0)
            yield make_sample(number)

    def _choose_part(self) -> list[int]:
        """Return the numbers of this worker's samples."""
        worker = get_worker_info()
        self._epochs += 1
        if self.fault == "late" and self._epochs > 1:
            return list(range(1, self.samples))
        if worker is None or self.fault == "unsplit":
            return list(range(self.samples))
        part = list(range(worker.id, self.samples, worker.num_workers))
        if self.fault == "skips":
            return part[:-1]
        return [part[0], *part[:-1]] if self.fault == "repeats" else part


class PacedCollate:
    """A collate function that takes a planned time for each batch."""

    def __init__(self, collate_ms: float) -> None:
        """Plan the time."""
        self._seconds = collate_ms * 1e-3
        self._pace = Pace()

    def __call__(self, samples: list[Sample]) -> Any:
        """Return the samples as one batch."""
        self._pace.wait(self._seconds, anew=bool(samples[0][0] < 1))
        return default_collate(samples)


class MiscountingLoader(DataLoader[Sample]):
    """A DataLoader that delivers other batches than it asks for.

    Attributes:
        plan: for each batch that is delivered, the number of the one that was loaded.
    """

    plan: tuple[int, ...] = ()

    def _get_iterator(self) -> Any:
        batches = list(super()._get_iterator())
        # A list is the order in which the audit asks for batches. They must be right.
        is_asked = isinstance(self.batch_sampler, list)
        return iter(batches if is_asked else [batches[number] for number in self.plan])


class PacedBatches:
    """A library's own loader: its epoch and each batch take a planned time."""

    def __init__(self, batches: int, batch_ms: float, startup_ms: float = 0) -> None:
        """Plan the times."""
        self._batches = batches
        self._batch_ms = batch_ms
        self._startup_ms = startup_ms

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[torch.Tensor]:
        wait(self._startup_ms * 1e-3)
        return self._deliver()

    def _deliver(self) -> Iterator[torch.Tensor]:
        for number in range(self._batches):
            wait(self._batch_ms * 1e-3)
            yield torch.full((20, 8), float(number))


def make_loader(
    samples: int,
    batch_size: int,
    sample_ms: float = 0,
    first_ms: float = 0,
    collate_ms: float = 0,
    *,
    noisy: bool = False,
) -> DataLoader[Sample]:
    """Return a DataLoader that loads the samples in their order."""
    collate = PacedCollate(collate_ms) if collate_ms else None
    dataset = PacedSamples(samples, sample_ms, first_ms, noisy=noisy)
    return DataLoader(dataset, batch_size, collate_fn=collate)


def make_stream(
    samples: int, batch_size: int, sample_ms: float = 0, fault: str = "none"
) -> DataLoader[Sample]:
    """Return a DataLoader over an iterable dataset."""
    return DataLoader(PacedStream(samples, sample_ms, fault), batch_size)


def make_miscounting(fault: str) -> DataLoader[Sample]:
    """Return a DataLoader over 15 batches.

    Args:
        fault: `drops`, which leaves the last batch out; `doubles`, which delivers it twice; `replaces`, which
            delivers the one before in its place.
    """
    loader = MiscountingLoader(PacedSamples(), 20)
    ends = {"drops": (13,), "doubles": (13, 14, 14), "replaces": (13, 13)}
    loader.plan = (*range(13), *ends[fault])
    return loader


def make_step() -> Callable[[Any], None]:
    """Return a step of 100 ms."""

    def step(batch: Any) -> None:
        del batch
        wait(0.1)

    return step
