"""Takers: the first batches are copied, and no more than fit."""

from __future__ import annotations

import torch

from bench.probes import takers
from bench.probes.takers import MOST_COPIED, CopyingTaker


def copy_batches(sizes: list[int]) -> list[torch.Tensor]:
    """Return the copies of batches of these sizes, in bytes."""
    taker = CopyingTaker(len)
    for size in sizes:
        batch = torch.ones(size, dtype=torch.uint8)
        assert taker.take(batch) == size
        batch.zero_()
    return taker.copies


def test_the_first_batches_are_copied() -> None:
    """In memory of their own, since the loader may write to its own again."""
    copies = copy_batches([1, 2, 3, 4, 5])
    assert [len(copy) for copy in copies] == [1, 2, 3, 4]
    assert all(copy.all() for copy in copies)
    assert len(copies) == MOST_COPIED


def test_no_more_are_copied_than_fit(monkeypatch) -> None:
    """One is copied of any size."""
    monkeypatch.setattr(takers, "MOST_BYTES", 10)
    assert [len(copy) for copy in copy_batches([100, 1])] == [100]
    assert [len(copy) for copy in copy_batches([5, 5, 5, 5])] == [5, 5, 5]
