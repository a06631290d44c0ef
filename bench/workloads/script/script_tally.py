"""LoaderTally: what goes through one DataLoader of a script while it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from bench.records.delivered_pictures import DeliveredPictures
from bench.trial.sample_pictures import draw_samples
from bench.workloads.inspection.object_bytes import estimate_object_bytes
from bench.workloads.inspection.pickle_check import check_pickling
from bench.workloads.script.script_loaders import LoaderKey
from loaders.data.batched_fetch import fetches_batches
from loaders.data.length import find_length
from loaders.data.nested_batch import count_bytes, count_samples
from loaders.spec.epoch_contents import EpochContents
from loaders.spec.source_facts import SourceFacts
from loaders.spec.turn_knobs import can_resize, read_settings


@dataclass(frozen=True)
class FoundLoader:
    """A DataLoader of a script.

    Attributes:
        name: class of its dataset, with a number if others have the same.
        key: what it is known by.
        facts: what is known of it, and of an epoch of the script over it.
        weight: samples that went through it, or would have gone in epochs that were cut short.
        epochs: number of epochs that were seen.
        beside: names of others whose batches came between its own; default none.
        by_trainer: whether the Hugging Face Trainer has made it by its TrainingArguments; default False.
        pictures: a few samples of its first batch, where they are pictures; default None for none.
    """

    name: str
    key: LoaderKey
    facts: SourceFacts
    weight: int
    epochs: int
    beside: tuple[str, ...] = ()
    by_trainer: bool = False
    pictures: DeliveredPictures | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.name} ({self.key.describe()})"


class LoaderTally:
    """Counts what goes through one DataLoader of a script.

    Attributes:
        key: what the DataLoader is known by.
        name: class of its dataset, with a number if others have the same.
        epochs: number of epochs that are over.
        opened: number of iterators that were opened. Only the last one counts.
        taken: number of batches of all of them.
    """

    def __init__(self, name: str, key: LoaderKey) -> None:
        """Begin to count."""
        self.key, self.name = key, name
        self.epochs = self.opened = self.taken = 0
        self._beside: set[str] = set()
        # Batches that others had delivered when this one was asked last, by their names.
        self._others: dict[str, int] | None = None
        self._facts = SourceFacts("script", None)
        self._pictures: DeliveredPictures | None = None
        self._length: int | None = None
        self._weight = 0
        # Of the iterator that is open.
        self._batches = self._samples = 0
        self._seen_batches = self._seen_samples = self._whole_samples = 0
        self._drop_last = False

    def open(self, loader: DataLoader[Any]) -> None:
        """Begin to count an iterator; the one before is over, even where the script still holds it."""
        self.close()
        self.opened += 1
        self._others = None
        map_style = not isinstance(loader.dataset, IterableDataset)
        self._length = find_length(loader) if map_style else None
        if self._facts.settings is None:
            self._drop_last = loader.drop_last
            pickling = check_pickling(loader)
            self._facts = SourceFacts(
                "script",
                read_settings(loader),
                map_style=map_style,
                has_own_batches=not can_resize(loader),
                pickle_error=pickling.error,
                fetches_batches=fetches_batches(loader.dataset),
                pickled_bytes=pickling.num_bytes,
                object_bytes=estimate_object_bytes(loader.dataset),
            )

    def take(self, batch: Any) -> None:
        """Count a batch."""
        samples = count_samples(batch)
        if not self._facts.batch_samples:
            self._facts = replace(self._facts, batch_samples=samples, batch_bytes=count_bytes(batch))
            self._pictures = draw_samples(batch)
        self._batches += 1
        self.taken += 1
        self._samples += samples

    def compare(self, tallies: Iterable[LoaderTally]) -> None:
        """Notice others that have delivered batches since the last call for the open iterator.

        Args:
            tallies: those of all DataLoaders.
        """
        others = {tally.name: tally.taken for tally in tallies if tally is not self}
        if self._others is not None:
            self._beside.update(name for name, taken in others.items() if taken > self._others.get(name, 0))
        self._others = others

    def close(self, *, exhausted: bool = False, cut: bool = False) -> None:
        """End the count of an iterator.

        Args:
            exhausted: whether it had no more.
            cut: whether it was ended from outside, while the script would have gone on.
        """
        self._weight += max(self._samples, self._expect_samples()) if cut else self._samples
        if exhausted and self._samples:
            self._whole_samples = self._samples
        # A single batch of several was only looked at.
        if self._batches > 1 or (self._batches and (exhausted or cut or self._length == 1)):
            self.epochs += 1
            self._seen_batches = max(self._seen_batches, self._batches)
            self._seen_samples = max(self._seen_samples, self._samples)
        self._batches = self._samples = 0

    def interrupt(self) -> None:
        """Take the open iterator for a whole pass, as nobody waits for its end."""
        self._weight = self.weight
        self._batches = self._samples = 0

    @property
    def batches(self) -> int:
        """Number of batches of the open iterator."""
        return self._batches

    @property
    def weight(self) -> int:
        """Samples that went through it so far, with those that the open iterator would deliver."""
        return self._weight + (max(self._samples, self._expect_samples()) if self._batches else 0)

    def find(self) -> FoundLoader:
        """Return what was found."""
        settings = self._facts.settings
        alone = None
        if not self._facts.map_style and self._whole_samples and settings and not settings.num_workers:
            alone = EpochContents(self._whole_samples, settings.batch_size, self._drop_last)
        facts = replace(
            self._facts,
            batches=self._seen_batches or self._length,
            samples=self._seen_samples or self._expect_samples() or None,
            alone=alone,
        )
        beside = tuple(sorted(self._beside))
        return FoundLoader(
            self.name, self.key, facts, self.weight, self.epochs, beside, pictures=self._pictures
        )

    def _expect_samples(self) -> int:
        """Return the samples of a whole pass; 0 where it isn't known."""
        most = (self._length or 0) * self._facts.batch_samples
        return most if self.key.samples is None or not most else min(most, self.key.samples)


class CountedIterator:
    """The iterator that a script gets for that of its DataLoader while it is looked at."""

    def __init__(
        self, inner: Iterator[Any], tally: LoaderTally, check: Callable[[], None], limit: int | None
    ) -> None:
        """Wrap an iterator.

        Args:
            inner: DataLoader's own iterator.
            tally: counts the batches.
            check: called before each batch but the first; it may raise.
            limit: number of batches after which it ends; None for its own end.
        """
        self._inner = inner
        self._tally, self._number = tally, tally.opened
        self._check = check
        self._limit = limit

    def __iter__(self) -> CountedIterator:
        return self

    def __next__(self) -> Any:
        # The size of its batches is known after the first one.
        if self._tally.batches:
            self._check()
        if self._counts and self._tally.batches == self._limit:
            self._close(cut=True)
            raise StopIteration
        try:
            batch = next(self._inner)
        except StopIteration:
            self._close(exhausted=True)
            raise
        if self._counts:
            self._tally.take(batch)
        return batch

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __del__(self) -> None:
        if "_number" in self.__dict__:
            self._close()

    @property
    def _counts(self) -> bool:
        return self._number == self._tally.opened

    def _close(self, *, exhausted: bool = False, cut: bool = False) -> None:
        if self._counts:
            self._number = 0
            self._tally.close(exhausted=exhausted, cut=cut)
