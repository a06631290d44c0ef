"""Loaders of which one commit makes each sample more expensive, as a user's own file holds them.

The folder of a commit has a file `commit.py`, which says by how much.
"""

from __future__ import annotations

import time
import zlib

import torch
from commit import SLOWDOWN
from torch.utils.data import DataLoader, Dataset

# A sample is decompressed so many times, some 20 µs each. A slow-down of 5% is one more.
ROUNDS = 20
COMPRESSED = zlib.compress(bytes(number * number % 251 for number in range(49_152)))
# A sample waits for so long, as for a service.
WAIT_S = 5e-3
# Epochs take about 0.1 s.
COMPUTED, WAITED, BATCH_SIZE = 200, 40, 8


class ComputedSamples(Dataset[torch.Tensor]):
    """A map-style dataset whose samples take the processor."""

    def __len__(self) -> int:
        return COMPUTED

    def __getitem__(self, index: int) -> torch.Tensor:
        for _ in range(round(ROUNDS * SLOWDOWN)):
            zlib.decompress(COMPRESSED)
        return torch.full((8,), float(index))


class WaitedSamples(Dataset[torch.Tensor]):
    """A map-style dataset whose samples wait."""

    def __len__(self) -> int:
        return WAITED

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(WAIT_S * SLOWDOWN)
        return torch.full((8,), float(index))


def computing() -> DataLoader[torch.Tensor]:
    """Return a loader without workers whose samples compute."""
    return DataLoader(ComputedSamples(), BATCH_SIZE)


def waiting() -> DataLoader[torch.Tensor]:
    """Return a loader with two workers whose samples wait."""
    return DataLoader(WaitedSamples(), BATCH_SIZE, num_workers=2, persistent_workers=True)
