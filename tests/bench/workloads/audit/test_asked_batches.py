"""What a loader was asked for, and the number of samples in its batches."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from bench.workloads.audit.asked_batches import AskedBatches, OnceEach, find_once_each, watch_batches
from bench.workloads.audit.own_observation import AskedIndices
from loaders.ring.in_memory_loader import InMemoryLoader
from loaders.spec.first_batches import limit_epochs
from loaders.spec.turn_knobs import RecordingSampler
from tests.bench.workloads.own.own_datasets import Numbers, Stream, loader_of


def run_epoch(loader: object, asked: AskedBatches) -> list[int]:
    """Return the counted samples of each batch."""
    return [asked.count(batch) for batch in loader]  # type: ignore[attr-defined]


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_are_counted_by_their_indices(workers) -> None:
    """The form of the batch says another number: it is one tensor of all points of its samples."""
    loader = loader_of(Numbers(10), num_workers=workers, collate_fn=collate_points)
    asked = watch_batches(loader)
    for _ in range(2):
        assert run_epoch(loader, asked) == [4, 4, 2]
        assert asked.summarise() == AskedIndices(3, 10, repeated=0, missing=0)


def collate_points(samples: list[tuple[torch.Tensor, int]]) -> torch.Tensor:
    return torch.cat([points for points, _ in samples])


def test_a_dataset_that_makes_its_batches() -> None:
    """A list of indices is a batch; else the form of the batch tells."""
    lists = DataLoader(
        torch.arange(10), batch_size=None, sampler=BatchSampler(SequentialSampler(range(10)), 4, False)
    )
    assert run_epoch(lists, watch_batches(lists)) == [4, 4, 2]
    alone = DataLoader([torch.zeros(5, 2), torch.zeros(3, 2)], batch_size=None)
    asked = watch_batches(alone)
    assert run_epoch(alone, asked) == [5, 3]
    assert asked.summarise() == AskedIndices(2, 2, repeated=0, missing=0)


def test_pytorchs_samplers_promise_each_sample_once() -> None:
    """Only those that do; an epoch that ends early may leave some out."""
    data = Numbers(10)
    assert find_once_each(loader_of(data)) == find_once_each(loader_of(data, shuffle=True)) == OnceEach(10, 0)
    assert find_once_each(loader_of(data, drop_last=True)) == OnceEach(10, 2)
    assert find_once_each(limit_epochs(loader_of(data), 2)) == OnceEach(10, None)
    for sampler in (RandomSampler(data, replacement=True), RandomSampler(data, num_samples=5), [1, 1, 2]):
        assert find_once_each(loader_of(data, sampler=sampler)) is None
    assert find_once_each(DataLoader(data, batch_sampler=[[0, 1], [1, 2]])) is None


def test_an_epoch_that_ends_early() -> None:
    """Samples may be missing, and none may come twice."""
    loader = limit_epochs(loader_of(Numbers(10), shuffle=True), 2)
    asked = watch_batches(loader)
    assert run_epoch(loader, asked) == [4, 4]
    assert asked.summarise() == AskedIndices(2, 8, repeated=0, missing=None)


def test_a_users_sampler_may_repeat() -> None:
    """Nothing is known of what it leaves out; the lists that it goes on to change are kept as they were."""
    loader = DataLoader(Numbers(10), batch_sampler=ReusedList())
    asked = watch_batches(loader)
    assert run_epoch(loader, asked) == [2, 2, 2]
    assert asked.record.asked == [[0, 1], [1, 2], [2, 3]]
    assert asked.summarise() == AskedIndices(3, 6)


class ReusedList:
    """A batch sampler that yields one and the same list."""

    def __iter__(self):
        batch = [0, 0]
        for first in range(3):
            batch[:] = first, first + 1
            yield batch

    def __len__(self) -> int:
        return 3


def test_samples_that_repeat_or_lack_are_counted() -> None:
    """A sampler that breaks its promise is found out."""

    recorder = RecordingSampler([[0, 1, 1], [2]])
    list(recorder)
    found = AskedBatches(recorder, once=OnceEach(6, 1)).summarise()
    assert found == AskedIndices(2, 4, repeated=1, missing=2)


def test_a_loader_from_memory_is_watched_too() -> None:
    """It asks a sampler as a DataLoader does."""
    loader = InMemoryLoader(loader_of(Numbers(10), shuffle=True), num_workers=0)
    asked = watch_batches(loader)
    assert run_epoch(loader, asked) == [4, 4, 2]
    assert asked.summarise() == AskedIndices(3, 10, repeated=0, missing=0)


def test_what_is_due_is_what_was_not_delivered() -> None:
    """In order it is the next batch; else any."""
    loader = loader_of(Numbers(10))
    asked = watch_batches(loader)
    batches = iter(loader)
    asked.count(next(batches))
    next(batches)
    assert list(asked.list_due()) == [4, 5, 6, 7]
    assert list(asked.list_last()) == [4, 5, 6, 7]
    asked.in_order = False
    assert list(asked.list_due()) == list(range(8))


def test_loaders_without_indices() -> None:
    """An iterable dataset, and any other iterable."""
    assert watch_batches(loader_of(Stream())) is None
    assert watch_batches([torch.zeros(2)]) is None
