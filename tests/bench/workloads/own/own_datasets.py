"""Datasets of users, as tests of the audit need them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info


class Numbers(Dataset):
    """Samples that hold their own index, as a tensor and as a number."""

    def __init__(self, samples: int = 20) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if not 0 <= index < self.samples:
            raise IndexError(index)
        return torch.full((3,), float(index)), index


class Wrong(Numbers):
    """The second worker gives another sample for the index 7."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        info = get_worker_info()
        is_second = info is not None and info.id == 1
        return super().__getitem__(8 if index == 7 and is_second else index)


class OpensLate(Numbers):
    """It opens its file when it is first asked; processes that share the open file disturb each other."""

    def __init__(self, samples: int = 20) -> None:
        super().__init__(samples)
        self.opened_by = 0

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        self.opened_by = self.opened_by or os.getpid()
        if self.opened_by != os.getpid():
            raise OSError("the file was opened by another process")
        return super().__getitem__(index)


class Flipped(Numbers):
    """Samples are flipped at random, by torch's global generator."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture, label = super().__getitem__(index)
        return (-picture if torch.rand(()) < 0.5 else picture), label


class OwnGenerator(Numbers):
    """Samples are shifted at random, by a generator that the dataset holds."""

    def __init__(self, samples: int = 20) -> None:
        super().__init__(samples)
        self.generator = np.random.default_rng(0)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture, label = super().__getitem__(index)
        return picture + float(self.generator.random()), label


def reseed(worker: int) -> None:
    """Give a worker's dataset a generator of its own."""
    info = get_worker_info()
    assert info is not None
    info.dataset.generator = np.random.default_rng(torch.initial_seed() % 2**32)


class Stream(IterableDataset):
    """Numbers, of which a worker takes each W-th from `offset` times its own number on.

    Attributes:
        samples: how many numbers there are.
        offset: 1 splits them; 0 gives all workers the same part.
        is_split: False gives each worker all of them.
        lost: numbers that are lost with workers.
        noise: whether each is shifted at random.
    """

    def __init__(
        self, samples: int = 40, *, offset: int = 1, is_split: bool = True, lost: int = 0, noise: bool = False
    ) -> None:
        self.samples, self.offset, self.is_split, self.lost, self.noise = (
            samples, offset, is_split, lost, noise,
        )  # fmt: skip

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        info = get_worker_info()
        workers = info.num_workers if info is not None and self.is_split else 1
        first = info.id * self.offset if info is not None and self.is_split else 0
        for number in range(first, self.samples - (self.lost if info is not None else 0), workers):
            shift = float(torch.rand(())) if self.noise else 0.0
            yield torch.full((2,), number + shift), number


def collate_padded(samples: list[tuple[torch.Tensor, int]]) -> dict[str, Any]:
    """Return a batch whose rows are as long as its largest number."""
    longest = max(number for _, number in samples) + 1
    rows = torch.zeros(len(samples), longest)
    for row, (_, number) in zip(rows, samples, strict=True):
        row[: number + 1] = 1
    return {"text": rows, "length": torch.tensor([number for _, number in samples])}


def loader_of(dataset: Any, **arguments: Any) -> DataLoader[Any]:
    """Return a DataLoader of batches of 4 by default."""
    return DataLoader(dataset, **{"batch_size": 4, **arguments})
