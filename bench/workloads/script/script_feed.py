"""Feed: what the picked DataLoader of a script delivers in a trial."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from bench.workloads.audit.asked_batches import AskedBatches, watch_batches
from bench.workloads.audit.own_observation import AskedIndices, OwnObservation
from bench.workloads.script.script_hook import Iterate
from bench.workloads.script.script_tally import FoundLoader
from loaders.data.length import find_length
from loaders.spec.first_batches import limit_epochs
from loaders.spec.source_facts import DataLoaderSettings
from loaders.spec.turn_knobs import turn_knobs

# An iterator that is dropped after less than this share of an epoch was only a look at the first batches.
LEAST_SHARE = 0.1


class Feed(ABC):
    """Batches that the picked DataLoader of a script delivers in a trial.

    A script may make it anew for each epoch. Each one is changed once, before its first batch.

    Attributes:
        picked: the DataLoader.
        batches: number of batches after which an epoch ends; None for the script's own end.
        epochs: number of epochs after which the script may end in any way; None for none.
        length: number of batches of the DataLoader that was prepared last; None where it isn't known.
    """

    def __init__(
        self,
        picked: FoundLoader,
        settings: DataLoaderSettings,
        batches: int | None = None,
        epochs: int | None = None,
    ) -> None:
        """Prepare to change the DataLoader.

        Args:
            picked: the DataLoader.
            settings: its new settings.
            batches: number of batches after which an epoch ends; default None for the script's own end.
            epochs: number of epochs after which the script may end in any way; default None for none.
        """
        self.picked = picked
        self.batches = batches
        self.epochs = epochs
        self.length: int | None = None
        self._settings = settings
        self._known: weakref.WeakSet[DataLoader[Any]] = weakref.WeakSet()

    def change(self, loader: DataLoader[Any]) -> None:
        """Change the picked DataLoader, unless it was before."""
        if loader in self._known:
            return
        # Whoever asks for its length meanwhile must not come here again.
        self._known.add(loader)
        turn_knobs(loader, self._settings)
        if not isinstance(loader.dataset, IterableDataset):
            limit_epochs(loader, self.batches)

    def prepare(self, loader: DataLoader[Any], iterate: Iterate) -> Callable[[], Iterator[Any]]:
        """Change a DataLoader, and return the function that makes its iterator.

        Args:
            loader: the picked DataLoader.
            iterate: DataLoader's own `__iter__`.
        """
        self.change(loader)
        map_style = not isinstance(loader.dataset, IterableDataset)
        # The length of an iterable dataset is an estimate of the user's.
        self.length = find_length(loader) if map_style else self.batches
        make = self._make_source(loader, iterate)
        return make if map_style or self.batches is None else lambda: islice(make(), self.batches)

    @property
    def count(self) -> Callable[[Any], int] | None:
        """The function that counts the samples of a batch; None for counting them by its form."""
        return None

    def release(self) -> None:  # noqa: B027 - most feeds hold nothing
        """Let go of what is held of an epoch that is over, so that its dataset can go, too."""

    def is_epoch(self, batches: int, samples: int, *, is_complete: bool) -> bool:
        """Return whether an iterator that has ended was an epoch, and no look at the first batches.

        Args:
            batches: number of batches that it delivered.
            samples: number of samples in them.
            is_complete: whether the last batch was among them.
        """
        if is_complete:
            return batches > 0
        return batches > 1 and samples >= LEAST_SHARE * (self.picked.facts.samples or 0)

    @abstractmethod
    def observe(self, batches: int, samples: int) -> OwnObservation | None:
        """Return the observation of an epoch; None where there is nothing to audit.

        Args:
            batches: number of batches that were delivered.
            samples: number of samples in them.
        """

    @abstractmethod
    def _make_source(self, loader: DataLoader[Any], iterate: Iterate) -> Callable[[], Iterator[Any]]:
        """Return the function that makes the iterator of a changed DataLoader."""


class ScriptFeed(Feed):
    """The picked DataLoader itself, with other settings."""

    def __init__(
        self,
        picked: FoundLoader,
        settings: DataLoaderSettings,
        batches: int | None = None,
        epochs: int | None = None,
    ) -> None:
        """Prepare to change the DataLoader, as the base class says."""
        super().__init__(picked, settings, batches, epochs)
        self._asked: AskedBatches | None = None
        self._records: weakref.WeakKeyDictionary[DataLoader[Any], AskedBatches | None] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def count(self) -> Callable[[Any], int] | None:
        """The function that counts the samples of a batch; None for counting them by its form."""
        return None if self._asked is None else self._asked.count

    def release(self) -> None:
        """Let go of the record of the indices, whose sampler holds the dataset."""
        self._asked = None

    def observe(self, batches: int, samples: int) -> OwnObservation:
        """Return the observation of an epoch.

        Args:
            batches: number of batches that were delivered.
            samples: number of samples in them.
        """
        if self._asked is None:
            return OwnObservation(batches, samples)
        if self.length is None or batches >= self.length:
            return OwnObservation(batches, samples, self._asked.summarise())
        return OwnObservation(batches, samples, self._summarise_first(self._asked, batches))

    def _make_source(self, loader: DataLoader[Any], iterate: Iterate) -> Callable[[], Iterator[Any]]:
        if loader not in self._records:
            self._records[loader] = watch_batches(loader)
        self._asked = self._records[loader]
        return lambda: iterate(loader)

    def _summarise_first(self, asked: AskedBatches, batches: int) -> AskedIndices | None:
        """Return the indices of the first batches, where the script wanted no more."""
        if not asked.in_order:
            return None
        first = asked.record.asked[:batches]
        indices = list(chain.from_iterable(map(asked.list_indices, first)))
        repeated = asked.summarise().repeated
        return AskedIndices(
            len(first), len(indices), None if repeated is None else len(indices) - len(set(indices))
        )
