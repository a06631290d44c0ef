"""AskedBatches: the batches that a DataLoader was asked for, and how many of them it delivered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from bench.workloads.audit.own_observation import AskedIndices
from loaders.data.nested_batch import count_samples
from loaders.ring.in_memory_loader import InMemoryLoader
from loaders.spec.first_batches import FirstBatches
from loaders.spec.turn_knobs import RecordingSampler, record_indices


class IndexRecord(Protocol):
    """Keeps what was asked for in the present epoch."""

    @property
    def asked(self) -> list[Any]:
        """The indices of each batch, as lists; or an index for each batch. A new epoch has a new list."""


@dataclass(frozen=True)
class OnceEach:
    """A sampler that asks for each sample once.

    Attributes:
        samples: samples of the dataset.
        left_out: samples that an epoch leaves out, as they fill no batch; None where it ends early.
    """

    samples: int
    left_out: int | None


class AskedBatches:
    """The batches that a loader was asked for in the present epoch, and how many of them it delivered.

    Attributes:
        record: keeps the indices.
        batched: whether the sampler asks for batches; else each sample is a batch of its own.
        in_order: whether batches are delivered in the order in which they were asked for.
    """

    def __init__(
        self,
        record: IndexRecord,
        *,
        batched: bool = True,
        in_order: bool = True,
        once: OnceEach | None = None,
    ) -> None:
        """Watch a loader.

        Args:
            record: keeps the indices.
            batched: whether the sampler asks for batches; default True.
            in_order: whether batches come in the order in which they were asked for; default True.
            once: the sampler's promise to ask for each sample once; default None for no promise.
        """
        self.record = record
        self.batched = batched
        self.in_order = in_order
        self._once = once
        self._epoch: list[Any] | None = None
        self._delivered = 0

    def count(self, batch: Any) -> int:
        """Return the number of samples of the batch that was delivered next.

        It is that of the indices that were asked for, which no form of a batch can hide.
        """
        asked = self.record.asked
        if asked is not self._epoch:
            self._epoch, self._delivered = asked, 0
        place = self._delivered
        self._delivered = place + 1
        if place < len(asked) and (self.batched or isinstance(asked[place], list)):
            return len(asked[place])
        return count_samples(batch) or 1

    def summarise(self) -> AskedIndices:
        """Return the number of batches and samples that were asked for in the present epoch."""
        asked = self.record.asked
        indices = list(chain.from_iterable(map(self.list_indices, asked)))
        if self._once is None:
            return AskedIndices(len(asked), len(indices))
        distinct = len(set(indices))
        left_out = self._once.left_out
        missing = None if left_out is None else self._once.samples - left_out - distinct
        return AskedIndices(len(asked), len(indices), len(indices) - distinct, missing)

    def list_due(self) -> Iterator[Any]:
        """Yield the indices that may be due, as those of batches that were delivered are not."""
        asked = self.record.asked
        delivered = self._delivered if self._epoch is asked else 0
        # Batches that may overtake each other are due in any order.
        for indices in asked[delivered : delivered + 1] if self.in_order else asked:
            yield from self.list_indices(indices)

    def list_last(self) -> Sequence[Any]:
        """Return the indices of the batch that was asked for last."""
        asked = self.record.asked
        return self.list_indices(asked[-1]) if asked else ()

    def list_indices(self, asked: Any) -> Sequence[Any]:
        """Return the indices of one batch."""
        if isinstance(asked, list):
            return asked
        # A dataset that makes its own batches may take an index of several parts.
        return list(asked) if self.batched else (asked,)


def watch_batches(loader: Any) -> AskedBatches | None:
    """Record the batches that a loader is asked for.

    Args:
        loader: a DataLoader of our own or an InMemoryLoader, whose sampler is wrapped; or any other iterable
            of batches.

    Returns:
        The record; None for a loader that asks for no indices.
    """
    if not isinstance(loader, DataLoader | InMemoryLoader):
        return None
    once = find_once_each(loader)
    # Both keep their sampler under the same name.
    recorder = record_indices(loader)  # type: ignore[arg-type]
    if recorder is None:
        return None
    batched = loader.batch_sampler is not None
    return AskedBatches(recorder, batched=batched, in_order=getattr(loader, "in_order", True), once=once)


def find_once_each(loader: DataLoader[Any] | InMemoryLoader) -> OnceEach | None:
    """Return what PyTorch's own samplers promise; None for any other sampler."""
    batches = loader.batch_sampler
    outer, is_limited = _unwrap(getattr(loader, "sampler", None) if batches is None else batches)
    samples: Any = outer.sampler if type(outer) is BatchSampler else outer
    if type(samples) not in (SequentialSampler, RandomSampler):
        return None
    count = len(samples.data_source)
    if isinstance(samples, RandomSampler) and (samples.replacement or samples.num_samples != count):
        return None
    left_out = count % outer.batch_size if type(outer) is BatchSampler and outer.drop_last else 0
    return OnceEach(count, None if is_limited else left_out)


def _unwrap(sampler: Any) -> tuple[Any, bool]:
    """Return the user's own sampler, and whether it is limited to its first batches."""
    is_limited = False
    while isinstance(sampler, FirstBatches | RecordingSampler):
        is_limited |= isinstance(sampler, FirstBatches)
        sampler = sampler.source if isinstance(sampler, FirstBatches) else sampler.sampler
    return sampler, is_limited
