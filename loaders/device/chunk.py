"""Chunk: consecutive batches that are loaded and copied to the device as one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Consecutive batches that are loaded and copied to the device as one, and delivered one by one.

    Launching the copy of a small batch takes longer than the copy.

    Attributes:
        batch_size: samples in each delivered batch, at least 1.
        batches: delivered batches in a chunk, at least 1; 1 copies each batch by itself.

    Raises:
        ValueError: a number is below 1.
    """

    batch_size: int
    batches: int = 1

    def __post_init__(self) -> None:
        for name, value in (("batch_size", self.batch_size), ("batches", self.batches)):
            if value < 1:
                raise ValueError(f"{name} is {value}, expected 1 or more")

    @property
    def samples(self) -> int:
        """Samples in a chunk: the batch size of the loader that loads it."""
        return self.batch_size * self.batches
