"""Copies of DataLoaders, whose iteration leaves the user's samplers and generators as they are."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler, TensorDataset

from bench.runner.in_process.loader_copies import LoaderCopies, close_iterator, end_half_made
from loaders.spec.turn_knobs import read_settings

DATASET = TensorDataset(torch.arange(32))


class Counting(Sampler[int]):
    """A sampler with a state of its own."""

    def __init__(self) -> None:
        self.epoch = 0
        self.orders = np.random.default_rng(3)

    def __iter__(self):
        self.epoch += 1
        return iter(self.orders.permutation(len(DATASET)).tolist())

    def __len__(self) -> int:
        return len(DATASET)


def make_generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


MAKERS = {
    "shuffled": lambda: DataLoader(DATASET, 4, shuffle=True, generator=make_generator()),
    "sampler": lambda: DataLoader(DATASET, 4, sampler=RandomSampler(DATASET, generator=make_generator())),
    "own sampler": lambda: DataLoader(DATASET, 4, sampler=Counting()),
    "own batches": lambda: DataLoader(DATASET, batch_sampler=BatchSampler(Counting(), 4, False)),
    "no batches": lambda: DataLoader(DATASET, batch_size=None, sampler=Counting()),
}


def take(loader) -> list[list[int]]:
    return [torch.as_tensor(values).tolist() for (values,) in loader]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_copy_leaves_the_order_of_the_loader(name, workers) -> None:
    """The loader delivers what one delivers that was never copied, and so does the first copy."""
    loader, other = MAKERS[name](), MAKERS[name]()
    copies = LoaderCopies(loader)
    settings = replace(read_settings(loader), num_workers=workers, prefetch_factor=2 if workers else None)
    first, _ = copies.make(settings)
    iterator = iter(first)
    batches = [torch.as_tensor(values).tolist() for (values,) in iterator]
    close_iterator(first, iterator)
    assert first.dataset is loader.dataset
    assert batches == take(other)
    again = MAKERS[name]()
    assert take(loader) == take(again)
    assert getattr(loader.sampler, "epoch", 1) == 1


def test_a_batch_size_is_varied_over_the_copy() -> None:
    """The new BatchSampler is over the copied sampler."""
    loader = MAKERS["own sampler"]()
    twin, _ = LoaderCopies(loader).make(replace(read_settings(loader), batch_size=8))
    assert [len(batch) for batch in take(twin)] == [8] * 4
    assert loader.sampler.epoch == 0


def test_a_cut_epoch_ends_by_itself() -> None:
    """Persistent workers are ready for the next epoch."""
    loader = MAKERS["shuffled"]()
    settings = replace(read_settings(loader), num_workers=1, prefetch_factor=2, persistent_workers=True)
    twin, cut = LoaderCopies(loader).make(settings)
    cut.most = 1
    iterator = iter(twin)
    assert len(list(iterator)) == 1
    cut.most = None
    assert len(list(twin)) == len(twin) == 8
    workers = iterator._workers
    close_iterator(twin, iterator)
    assert twin._iterator is None
    assert not any(worker.is_alive() for worker in workers)


def test_a_sampler_that_can_not_be_copied_is_an_error() -> None:
    """The caller leaves such a loader as it is."""
    sampler = Counting()
    sampler.orders = (index for index in range(4))
    with pytest.raises(TypeError, match="generator"):
        LoaderCopies(DataLoader(DATASET, sampler=sampler))


def test_a_queue_whose_start_was_broken_off_leaves_no_thread() -> None:
    """The end of a tuning's time may come while its thread starts: it runs, and the queue can't end it."""
    queue = multiprocessing.get_context("fork").Queue()
    queue.put(1)
    thread, queue._close = queue._thread, None
    end_half_made(SimpleNamespace(_index_queues=[queue], _workers=[]))
    assert not thread.is_alive()
