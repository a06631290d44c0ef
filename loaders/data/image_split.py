"""ImageSplit: the samples of one split, before a loader reads them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

SplitName = Literal["train", "test"]


@dataclass(frozen=True)
class ImageSplit:
    """One split of a dataset.

    Attributes:
        name: name of the dataset, as in a result row.
        digest: SHA-256 in hex of the dataset's files.
        images: uint8 (N, H, W), contiguous.
        labels: int64 (N,), each in 0..len(classes) - 1.
        classes: name of each label.
        folder: folder for files that a loader makes of this split, such as other formats; None for no place.
        mapped: whether the images are a mapped file, which the system reads at each access.
    """

    name: str
    digest: str
    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    folder: Path | None = None
    mapped: bool = False

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.labels)

    def take_first(self, count: int) -> ImageSplit:
        """Return the split of the first samples, which has a digest of its own.

        Args:
            count: number of samples, or more for all of them.
        """
        if count >= len(self):
            return self
        digest = hashlib.sha256(f"{self.digest}/{count}".encode()).hexdigest()
        return replace(self, digest=digest, images=self.images[:count], labels=self.labels[:count])

    def in_memory(self) -> ImageSplit:
        """Return the split with its images in memory; a mapped file is read now."""
        if not self.mapped:
            return self
        # numpy allocates huge pages, which makes random access faster.
        return replace(self, images=torch.from_numpy(self.images.numpy().copy()), mapped=False)
