"""A training as a user has it: loaders, and steps that use up their batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

SAMPLES = 22


class Numbers(Dataset):
    """Numbers, each with its label."""

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> dict[str, object]:
        return {"x": torch.full((3,), float(index)), "label": index % 2}


class Endless(IterableDataset):
    """Numbers without an end."""

    def __iter__(self) -> Iterator[torch.Tensor]:
        return (torch.tensor(float(number)) for number in range(10**9))


class Batches:
    """A library's own loader, which overwrites its one batch."""

    def __init__(self, size: int) -> None:
        self.batch = torch.zeros(size)

    def __iter__(self) -> Iterator[torch.Tensor]:
        for number in range(7):
            yield self.batch.fill_(number)


loader = DataLoader(Numbers(), batch_size=4, num_workers=1, shuffle=True)
endless = DataLoader(Endless(), batch_size=4)


def make_batches(size: int = 5) -> Batches:
    """Return the library's own loader."""
    return Batches(size)


def make_step():
    """Return a step that keeps what it was given, and takes the labels out of the batch."""
    seen.clear()

    def step(batch) -> None:
        seen.append({**batch} if isinstance(batch, dict) else batch.clone())
        if isinstance(batch, dict):
            batch.pop("label")

    return step


# Batches that the step of this process was given.
seen: list = []
