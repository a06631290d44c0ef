"""Loaders whose best setting is known, as a user's own file holds them. Times are for a whole batch."""

from __future__ import annotations

import time

import torch
from torch.utils.data import DataLoader, Dataset

BATCH_SIZE, BATCHES = 4, 40
# Milliseconds of a batch that waits as for a service, and of one that computes.
WAIT_MS, COMPUTE_MS = 40.0, 16.0
# The same of a loader of which all variants are equal, and of one that keeps what it has read.
EQUAL_MS, PLAIN_MS, FIRST_READ_MS = 5.0, 5.0, 10.0


class Samples(Dataset[torch.Tensor]):
    """A map-style dataset whose samples take a planned time.

    Attributes:
        batch_ms: milliseconds of a whole batch.
        computes: whether a sample takes the processor for that time instead of waiting.
        keeps: whether a sample takes no time once it was read in this process.
    """

    def __init__(self, batch_ms: float, *, computes: bool = False, keeps: bool = False) -> None:
        """Plan the times."""
        self.batch_ms = batch_ms
        self.computes = computes
        self.keeps = keeps
        self._kept: set[int] = set()

    def __len__(self) -> int:
        return BATCHES * BATCH_SIZE

    def __getitem__(self, index: int) -> torch.Tensor:
        if index not in self._kept:
            self._take_time(self.batch_ms * 1e-3 / BATCH_SIZE)
            if self.keeps:
                self._kept.add(index)
        return torch.full((8,), float(index))

    def _take_time(self, seconds: float) -> None:
        if not self.computes:
            time.sleep(seconds)
            return
        # By the CPU time of the thread: where others take the core, it lasts longer.
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass


def waiting() -> DataLoader[torch.Tensor]:
    """Return a loader that more workers make faster, far beyond the cores."""
    return DataLoader(Samples(WAIT_MS), BATCH_SIZE)


def computing() -> DataLoader[torch.Tensor]:
    """Return a loader that more workers make faster up to the number of cores."""
    return DataLoader(Samples(COMPUTE_MS, computes=True), BATCH_SIZE)


def equal(variant: int = 0) -> DataLoader[torch.Tensor]:
    """Return a loader that is the same for each variant."""
    del variant
    return DataLoader(Samples(EQUAL_MS), BATCH_SIZE)


def ahead() -> DataLoader[torch.Tensor]:
    """Return a loader with a worker that is faster than the step beside it."""
    return DataLoader(Samples(EQUAL_MS), BATCH_SIZE, num_workers=1)


def keeping(variant: str = "plain") -> DataLoader[torch.Tensor]:
    """Return a loader that may keep its samples in memory, whose first epoch takes longer then.

    Args:
        variant: `plain`, or `kept`.
    """
    keeps = variant == "kept"
    return DataLoader(Samples(FIRST_READ_MS if keeps else PLAIN_MS, keeps=keeps), BATCH_SIZE)
