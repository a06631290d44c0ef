"""Epochs that end after a number of batches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset

from loaders.spec.first_batches import FirstBatches, limit_epochs, limit_stream
from loaders.spec.turn_knobs import record_indices


class Counting:
    """Ten numbers; it counts how many were asked for, and whether its iterator was dropped."""

    def __init__(self) -> None:
        self.started = self.asked = self.dropped = 0
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        self.started += 1
        return self._count()

    def _count(self) -> Iterator[int]:
        try:
            for number in range(10):
                self.asked += 1
                yield number
        finally:
            self.dropped += 1

    def set_epoch(self, epoch: int) -> None:
        """Remember the epoch, as a DistributedSampler does."""
        self.epoch = epoch


class Numbers(IterableDataset):
    """Ten numbers without an index."""

    def __iter__(self) -> Iterator[int]:
        return iter(range(10))


def test_each_epoch_ends_after_its_batches() -> None:
    """Nothing beyond them is asked for, and the iterator is gone with the last one."""
    source = Counting()
    limited = FirstBatches(source, 3)
    for epoch in (1, 2):
        assert list(limited) == [0, 1, 2]
        assert (source.started, source.asked, source.dropped) == (epoch, 3 * epoch, epoch)


def test_iter_starts_the_loader() -> None:
    """The start of workers belongs to `iter()`, not to the first batch."""
    source = Counting()
    epoch = iter(FirstBatches(source, 3))
    assert (source.started, source.asked) == (1, 0)
    assert next(epoch) == 0


def test_shorter_epochs_end_by_themselves() -> None:
    """The length is known where the loader's is."""
    assert list(FirstBatches([1, 2], 3)) == [1, 2]
    assert (len(FirstBatches([1, 2], 3)), len(FirstBatches([1, 2], 1))) == (2, 1)
    with pytest.raises(TypeError):
        len(FirstBatches(Counting(), 3))


def test_what_a_loop_calls_reaches_the_source() -> None:
    """A DistributedSampler is told the epoch."""
    source = Counting()
    FirstBatches(source, 3).set_epoch(4)
    assert source.epoch == 4


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [4, None])
def test_a_sampler_asks_for_no_more(workers, batch_size) -> None:
    """Workers get no index beyond the last batch, though they load ahead."""
    loader = limit_epochs(DataLoader(torch.arange(40), batch_size=batch_size, num_workers=workers), 3)
    recorder = record_indices(loader)
    expected = [list(range(4 * n, 4 * n + 4)) for n in range(3)] if batch_size else [0, 1, 2]
    for _ in range(2):
        assert [batch.tolist() for batch in loader] == expected
        assert recorder.asked == expected
    assert len(loader) == 3


def test_an_iterable_dataset_is_limited_at_its_loader() -> None:
    """It has no sampler that could be."""
    loader = limit_epochs(DataLoader(Numbers(), batch_size=2), 3)
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4, 5]]


def test_without_a_limit_the_loader_stays() -> None:
    """Nothing is wrapped."""
    source = Counting()
    assert limit_epochs(source, None) is source


def test_a_stream_is_limited_from_outside() -> None:
    """The sampler of any other DataLoader is limited already."""
    stream, listed = DataLoader(Numbers(), batch_size=2), DataLoader(range(10), batch_size=2)
    assert limit_stream(stream, None) is stream
    assert limit_stream(listed, 3) is listed
    assert len(list(limit_stream(stream, 3))) == 3
