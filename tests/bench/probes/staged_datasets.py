"""Datasets whose stages note that they were run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import Dataset, IterableDataset

from bench.plan.configuration import Configuration
from bench.trial.probe import Probe
from loaders.families.torch_dataloader import TorchDataLoader
from tests.fakes import numbered_workload

SAMPLES = 24
# Stages that were run in this process, and values that they gave.
ran: list[str] = []
drawn: list[float] = []


class Chain:
    """Transforms one after another, as those of torchvision."""

    def __init__(self, *transforms: Callable[[Any], Any]) -> None:
        self.transforms = list(transforms)

    def __call__(self, value: Any) -> Any:
        for transform in self.transforms:
            value = transform(value)
        return value


class Shift:
    """Adds a random number."""

    def __call__(self, value: float) -> float:
        ran.append("Shift")
        drawn.append(float(torch.rand(())))
        return value + drawn[-1]


class ToTensor:
    """Makes a tensor."""

    def __call__(self, value: float) -> torch.Tensor:
        ran.append("ToTensor")
        return torch.tensor([value])


class Staged(Dataset):
    """Numbers with two transforms.

    Attributes:
        needs_tensor: whether the code after the transforms needs what the last one makes.
    """

    def __init__(self, needs_tensor: bool = False) -> None:
        self.transform = Chain(Shift(), ToTensor())
        self.needs_tensor = needs_tensor

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> Any:
        ran.append("fetch")
        value = self.transform(float(index))
        return (value.clone() if self.needs_tensor else value), index


class Batched(Staged):
    """The same numbers, many at once."""

    def __getitems__(self, indices: list[int]) -> list[Any]:
        ran.append("fetch at once")
        return [self[index] for index in indices]


class Stream(IterableDataset):
    """The same numbers in a stream."""

    def __init__(self, samples: int = SAMPLES) -> None:
        self.samples = samples
        self.transform = Chain(ToTensor())

    def __iter__(self) -> Iterator[Any]:
        for number in range(self.samples):
            ran.append("fetch")
            yield self.transform(float(number))


def collate(samples: list[Any]) -> Any:
    """Return a batch."""
    ran.append("collate")
    return torch.utils.data.default_collate(samples)


def make_probe(epochs: int = 1, block: int = 0, limit_s: float = 0.0) -> Probe:
    """Return a probe of a ladder, whose epochs have few batches."""
    configuration = Configuration(TorchDataLoader(), "cpu", "none", None, 1)
    return Probe("ladder", configuration, numbered_workload(20), block, 0, epochs, limit_s)
