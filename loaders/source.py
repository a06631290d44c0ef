"""Samples before any loader touches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch

Split = Literal["train", "test"]


class DataError(ValueError):
    """Data that is missing, damaged or can't be had: one line says what, where, and what was expected."""


@dataclass(frozen=True)
class Source:
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

    def in_memory(self) -> Source:
        """The same with its images in memory, read now if they weren't."""
        if not self.mapped:
            return self
        # numpy asks for huge pages, in which a processor finds its way faster.
        return replace(self, images=torch.from_numpy(self.images.numpy().copy()), mapped=False)


@dataclass(frozen=True)
class FileStamp:
    """What tells at a glance that a file has changed: its size, and when it was written to."""

    path: Path
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """The stamp of a file as it is now; of one that isn't there, no size."""
        try:
            status = path.stat()
        except OSError:
            return cls(path, -1, 0)
        return cls(path, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Dataset:
    """Where a dataset lies and what it is: small, and can be sent to another process.

    name: `fashion-mnist`, `idx-<first 8 of the digest>` or `synthetic:<N>`.
    digest: SHA-256 over the four files' uncompressed bytes (train images, train labels, test images,
    test labels), in hex. folder: the folder that holds the IDX files. stamps: of the files, from before
    they were looked into; none where it needs no file.
    """

    name: str
    digest: str
    folder: Path
    classes: tuple[str, ...]
    reader: Callable[[Dataset, Split], Source] = field(repr=False)
    stamps: tuple[FileStamp, ...] = field(default=(), repr=False)

    def read(self, split: Split) -> Source:
        """Read one split into memory."""
        return self.reader(self, split)

    def changed(self) -> Path | None:
        """The first of its files that isn't as it was; None where all are."""
        return next((stamp.path for stamp in self.stamps if FileStamp.of(stamp.path) != stamp), None)
