"""DatasetRef: place and identity of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from loaders.data.image_split import ImageSplit, SplitName


@dataclass(frozen=True)
class FileStamp:
    """Size and time of a file, by which a change is noticed without reading it.

    Attributes:
        path: the file.
        size_bytes: its size; -1 where it is missing.
        modified_ns: time of the last change, in nanoseconds since 1970.
    """

    path: Path
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """Return the stamp that a file has now."""
        try:
            status = path.stat()
        except OSError:
            return cls(path, -1, 0)
        return cls(path, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class DatasetRef:
    """Place and identity of a dataset: small, and can be sent to another process.

    Attributes:
        name: `fashion-mnist`, `idx-<first 8 of the digest>` or `synthetic:<N>`.
        digest: SHA-256 in hex over the unpacked bytes of the training images, training labels, test images
            and test labels.
        folder: folder that holds the files.
        classes: name of each label.
        reader: function that reads a split.
        stamps: stamps of the files from before they were checked; none where the dataset needs no file.
    """

    name: str
    digest: str
    folder: Path
    classes: tuple[str, ...]
    reader: Callable[[DatasetRef, SplitName], ImageSplit] = field(repr=False, compare=False)
    stamps: tuple[FileStamp, ...] = field(default=(), repr=False)

    def read(self, split: SplitName) -> ImageSplit:
        """Read one split. Raises DataError where its files have changed in size or labels."""
        return self.reader(self, split)

    def changed(self) -> Path | None:
        """Return the first file that has changed since it was checked; None where none has."""
        return next((stamp.path for stamp in self.stamps if FileStamp.of(stamp.path) != stamp), None)
