"""IdxFiles: the four files of an image set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from loaders.data import idx
from loaders.data.dataset_ref import DatasetRef, FileStamp
from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit, SplitName

# Folder beside the files, for what loaders make of them.
CONVERTED = "converted"
SPLITS: tuple[SplitName, SplitName] = ("train", "test")


def file_names(split: SplitName) -> tuple[str, str]:
    """Return MNIST's names of the files with a split's images and labels."""
    prefix = "train" if split == "train" else "t10k"
    return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"


FILE_NAMES = (*file_names("train"), *file_names("test"))


class CheckedFiles(NamedTuple):
    """Result of a check of four files.

    Attributes:
        digest: SHA-256 in hex over the unpacked bytes of all files, one after another.
        each: SHA-256 in hex over the unpacked bytes of each file.
        highest_label: highest label of both splits.
    """

    digest: str
    each: tuple[str, ...]
    highest_label: int


@dataclass(frozen=True)
class IdxFiles:
    """The four files of an image set: images and labels, for training and for testing.

    Attributes:
        folder: folder that holds the files.
        parts: paths of each file, in the order of FILE_NAMES. The first path is read. Further paths are
            copies, such as the packed file beside the unpacked one. A missing file has no path.
        prefix: text that stands before `train-images` in the file names, such as `emnist-letters-`.
        converted: folder for what loaders make of the files; None for the folder `converted` beside them.
    """

    folder: Path
    parts: tuple[tuple[Path, ...], ...]
    prefix: str = ""
    converted: Path | None = None

    @classmethod
    def unpacked_in(cls, folder: Path) -> IdxFiles:
        """Return the four unpacked files in a folder, under MNIST's names."""
        return cls(folder, tuple((folder / name,) for name in FILE_NAMES))

    def paths(self, split: SplitName) -> tuple[Path, Path]:
        """Return the files with a split's images and labels. Raises DataError where one is missing."""
        self.check_complete()
        images, labels = self.parts[:2] if split == "train" else self.parts[2:]
        return images[0], labels[0]

    def check_complete(self) -> None:
        """Raise DataError unless all four files are there."""
        missing = [self._name(name) for name, paths in zip(FILE_NAMES, self.parts, strict=True) if not paths]
        if missing:
            found = sorted(path.name for paths in self.parts for path in paths)
            expected = ", ".join(self._name(name) for name in FILE_NAMES)
            raise DataError(
                f"{self.folder / ', '.join(missing)}: missing, found {', '.join(found)}, "
                f"expected all of {expected}, each plain or as .gz"
            )

    def check(self) -> CheckedFiles:
        """Check all bytes of the files and take their digests.

        Raises:
            DataError: A file is missing or damaged, doesn't fit the others, or differs from its copy.
        """
        whole, each, highest_label = hashlib.sha256(), [], 0
        sides = []
        for split in SPLITS:
            images, labels = self.paths(split)
            image_digest, label_digest = hashlib.sha256(), hashlib.sha256()
            shape = idx.scan(images, idx.IMAGES, image_digest.update, whole.update)
            idx.scan(labels, idx.LABELS, label_digest.update, whole.update)
            each += [image_digest.hexdigest(), label_digest.hexdigest()]
            values = idx.read_labels(labels)
            _check_count(labels, values, shape[0])
            highest_label = max(highest_label, int(values.max()))
            sides.append(shape[1:])
        for paths, digest, forms in zip(self.parts, each, (idx.IMAGES, idx.LABELS) * 2, strict=True):
            for copy in paths[1:]:
                _check_copy(paths[0], copy, digest, forms)
        if sides[0] != sides[1]:
            raise DataError(
                f"{self.paths('test')[0]}: found images of {idx.format_sides(sides[1])} pixels, "
                f"expected {idx.format_sides(sides[0])} as in the training images"
            )
        return CheckedFiles(whole.hexdigest(), tuple(each), highest_label)

    def stamps(self) -> tuple[FileStamp, ...]:
        """Return the stamps of the files that are read."""
        return tuple(FileStamp.of(path) for split in SPLITS for path in self.paths(split))

    def read(self, dataset: DatasetRef, split: SplitName) -> ImageSplit:
        """Read one split, as a `DatasetRef.reader`.

        The images of an unpacked file are mapped, those of a packed file are in memory. Sizes and labels are
        checked, the digest isn't taken again.

        Raises:
            DataError: A file has changed since the dataset was located.
        """
        image_path, label_path = self.paths(split)
        mapped = not idx.is_packed(image_path)
        images = idx.map_images(image_path) if mapped else idx.read_images(image_path)
        labels = idx.read_labels(label_path)
        _check_count(label_path, labels, len(images))
        if labels.max() >= len(dataset.classes):
            raise DataError(
                f"{label_path}: found the label {labels.max()}, expected 0 to {len(dataset.classes) - 1}"
            )
        return ImageSplit(
            name=dataset.name,
            digest=dataset.digest,
            images=torch.from_numpy(images),
            labels=torch.from_numpy(labels),
            classes=dataset.classes,
            folder=(self.converted or self.folder / CONVERTED) / split,
            mapped=mapped,
        )

    def _name(self, name: str) -> str:
        """Return the name that a file has in this set. EMNIST and QMNIST have `test` for `t10k`."""
        if self.prefix.lower().startswith(("emnist", "qmnist")):
            name = name.replace("t10k", "test")
        if self.prefix.lower().startswith("qmnist"):
            name = name.replace("idx1-ubyte", "idx2-int")
        return self.prefix + name


def _check_count(path: Path, labels: npt.NDArray[np.int64], images: int) -> None:
    """Raise DataError unless each image has a label."""
    if len(labels) != images:
        raise DataError(f"{path}: found {len(labels)} labels, expected {images}, one for each image")


def _check_copy(path: Path, copy: Path, digest: str, forms: tuple[idx.IdxForm, ...]) -> None:
    """Raise DataError unless a copy holds the bytes of the file that is read."""
    content = hashlib.sha256()
    idx.scan(copy, forms, content.update)
    if content.hexdigest() != digest:
        raise DataError(
            f"{path}: found other bytes (SHA-256 {digest[:8]}…), expected those that {copy.name} "
            f"beside it holds ({content.hexdigest()[:8]}…); delete the wrong one"
        )
