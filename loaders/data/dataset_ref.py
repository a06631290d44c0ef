"""DatasetRef: where a dataset lies and what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from loaders.data.image_split import ImageSplit, SplitName


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
class DatasetRef:
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
    reader: Callable[[DatasetRef, SplitName], ImageSplit] = field(repr=False)
    stamps: tuple[FileStamp, ...] = field(default=(), repr=False)

    def read(self, split: SplitName) -> ImageSplit:
        """Read one split into memory."""
        return self.reader(self, split)

    def changed(self) -> Path | None:
        """The first of its files that isn't as it was; None where all are."""
        return next((stamp.path for stamp in self.stamps if FileStamp.of(stamp.path) != stamp), None)
