"""The DataLoaders of a script: how one is known again in the next process, which may make it anew."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader

from loaders.data.length import find_length

# How much more a sample weighs that comes in another order than the stored one.
SHUFFLED_WEIGHT = 1.25


@dataclass(frozen=True)
class LoaderKey:
    """Marks by which a DataLoader of a script is known.

    Attributes:
        dataset: class of its dataset.
        samples: length of the dataset; None where it has none.
        batch_size: its batch size, as the script sets it; None where the batches come from elsewhere.
        sampler: class of its sampler, or of that of its batch sampler.
        ordinal: number among those that are equal otherwise and over other datasets, from 0.
    """

    dataset: str
    samples: int | None
    batch_size: int | None
    sampler: str
    ordinal: int = 0

    def weigh(self, samples: int) -> float:
        """Return the weight of the samples that went through it.

        Where about as many go through validation as through training, the loader with the stored order is
        that of the validation.
        """
        return samples * (1 if self.sampler == "SequentialSampler" else SHUFFLED_WEIGHT)

    def describe(self) -> str:
        """Return its settings, such as `60,000 samples, batch_size=64, RandomSampler`."""
        parts = [] if self.samples is None else [f"{self.samples:,} samples"]
        parts += [] if self.batch_size is None else [f"batch_size={self.batch_size}"]
        return ", ".join([*parts, self.sampler])


class LoaderKeys:
    """Keys of the DataLoaders of a running script, in the order in which it iterates them.

    A DataLoader that is made anew over the same dataset has the key of the one before. So has one over a new
    dataset, where the dataset of the one before is gone.
    """

    def __init__(self) -> None:
        """Begin without a DataLoader."""
        self._known: weakref.WeakKeyDictionary[DataLoader[Any], LoaderKey] = weakref.WeakKeyDictionary()
        self._datasets: dict[LoaderKey, weakref.ref[Any]] = {}

    def find(self, loader: DataLoader[Any]) -> LoaderKey:
        """Return the key of a DataLoader. It is made before any of its settings is changed."""
        if (key := self._known.get(loader)) is None:
            key = self._known[loader] = self._make(loader)
        return key

    def knows(self, loader: DataLoader[Any]) -> bool:
        """Return whether a DataLoader, or another one over its dataset, has a key."""
        return loader in self._known or any(refer() is loader.dataset for refer in self._datasets.values())

    def _make(self, loader: DataLoader[Any]) -> LoaderKey:
        dataset = loader.dataset
        name, samples = type(dataset).__name__, find_length(dataset)
        sampler = _name_sampler(loader)
        ordinal = 0
        while True:
            key = LoaderKey(name, samples, loader.batch_size, sampler, ordinal)
            other = self._datasets[key]() if key in self._datasets else None
            if other is None or other is dataset:
                self._datasets[key] = _refer(dataset)
                return key
            ordinal += 1


def _name_sampler(loader: DataLoader[Any]) -> str:
    """Return the class of the sampler that orders the samples.

    Where a batch sampler is given, as Accelerate does, DataLoader's own sampler is not used.
    """
    sampler = getattr(loader.batch_sampler, "sampler", None)
    return type(loader.sampler if sampler is None else sampler).__name__


def _refer(dataset: Any) -> Any:
    """Return a function that returns a dataset for as long as it is there."""
    try:
        return weakref.ref(dataset)
    except TypeError:
        # A list takes no weak reference.
        return lambda: dataset
