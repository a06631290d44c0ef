"""Samples before any loader touches them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

SplitName = Literal["train", "test"]


@dataclass(frozen=True)
class ImageSplit:
    """One split of a dataset.

    images: uint8, shape (N, H, W), contiguous. labels: int64, shape (N,), each in 0..len(classes) - 1.
    name: what a result row calls the data. digest: SHA-256 of the files it was read from, in hex.
    folder: where a loader may keep what it makes of this split, such as other file formats; None: nowhere.
    mapped: whether the images are a file that the system reads as they are looked at, and not in memory.
    """

    name: str
    digest: str
    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    folder: Path | None = None
    mapped: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def in_memory(self) -> ImageSplit:
        """The same with its images in memory, read now if they weren't."""
        if not self.mapped:
            return self
        # numpy asks for huge pages, in which a processor finds its way faster.
        return replace(self, images=torch.from_numpy(self.images.numpy().copy()), mapped=False)
