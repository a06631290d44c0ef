"""The synthetic set: drawn garments in the format and the size of Fashion-MNIST, with similar statistics.

Every machine and every numpy draws the same bytes. All values are integers, and all random numbers come from
the words of MT19937, a stream that numpy has frozen (NEP 19).
"""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loaders.data.errors import DataError
from loaders.data.garments import (
    CLOTHS,
    GARMENTS,
    SEED,
    SIDE,
    VARIANTS,
    Wardrobe,
    draw_integers,
    draw_wardrobe,
)
from loaders.data.idx import make_header
from loaders.data.idx_files import IdxFiles, file_names
from loaders.data.image_split import SplitName
from loaders.data.staging import staging_folder

CHUNK = 1000  # samples
# Another number for other bytes.
_VERSION = 1
_CLASSES = len(GARMENTS)


def prepare(data_dir: Path, count: int) -> tuple[IdxFiles, str]:
    """Find the set under a folder, or write it there.

    Args:
        data_dir: folder in which the set has a folder of its own, `synthetic-<count>`.
        count: number of training samples. There are max(1, count // 6) test samples.

    Returns:
        The files, and their digest.

    Raises:
        DataError: the files have changed since they were written, or can't be written.
    """
    root = data_dir / f"synthetic-{count}"
    if not os.path.exists(root):  # noqa: PTH110 - False, not an error, where this user may not look
        _write(root, count)
    files, record = IdxFiles.unpacked_in(root / "FashionMNIST" / "raw"), root / "digest.txt"
    try:
        digest, written = files.check().digest, record.read_text()
    except (DataError, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{error}; delete the folder {root}, and it is written anew") from error
    if written != _record(digest):
        raise DataError(
            f"{files.folder}: found {_record(digest)!r}, expected {written!r} as {record.name} says; "
            f"delete the folder {root}, and it is written anew"
        )
    return files, digest


def draw(
    wardrobe: Wardrobe, split: SplitName, chunk: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Draw one chunk of a split.

    The chunk depends on the split and its own number only, so a smaller set is the start of a larger one.

    Args:
        wardrobe: shapes and cloths.
        split: name of the split.
        chunk: number of the chunk, from 0.

    Returns:
        Images, uint8 (CHUNK, H, W), and labels, uint8 (CHUNK,).
    """
    random = np.random.RandomState([SEED, 0 if split == "train" else 1, chunk])
    order = np.argsort(draw_integers(random, 0, 1 << 30, (CHUNK,)), kind="stable")
    labels = (np.arange(CHUNK) % _CLASSES)[order]
    shapes = wardrobe.shapes[labels, draw_integers(random, 0, VARIANTS, (CHUNK,))]
    cloths = wardrobe.cloths[draw_integers(random, 0, CLOTHS, (CHUNK,))]
    light = draw_integers(random, 40, 256, (CHUNK, 1, 1)).astype(np.uint16)
    grain = np.frombuffer(random.bytes(shapes.size), np.uint8).reshape(shapes.shape)
    images = shapes.astype(np.uint16)
    images *= cloths
    images >>= 8
    images *= light
    images >>= 7
    np.minimum(images, 255, out=images)
    images *= 256 - (grain >> 2).astype(np.uint16)
    images >>= 8
    return images.astype(np.uint8), labels.astype(np.uint8)


def _write(root: Path, count: int) -> None:
    """Write the set to a folder, which appears with all files or not at all."""
    needed_bytes = (count + count // 6) * (SIDE * SIDE + 1)
    try:
        with staging_folder(root.parent, ".synthetic-") as staging:
            free_bytes = shutil.disk_usage(staging).free
            if needed_bytes > free_bytes:
                raise DataError(
                    f"{root}: found {free_bytes / 1e9:.1f} GB free on the disk, "
                    f"expected {needed_bytes / 1e9:.1f} GB"
                )
            # One level down: only its owner may enter the temporary folder itself.
            staged = staging / root.name
            files = IdxFiles.unpacked_in(staged / "FashionMNIST" / "raw")
            files.folder.mkdir(parents=True)
            wardrobe = draw_wardrobe()
            _write_split(files.folder, wardrobe, "train", count)
            _write_split(files.folder, wardrobe, "test", max(1, count // 6))
            (staged / "digest.txt").write_text(_record(files.check().digest))
            try:
                staged.rename(root)
            except OSError:
                # Another process may have been faster. The digest checks its files.
                if not root.exists():
                    raise
    except OSError as error:
        raise DataError(
            f"{root}: can't be written ({error.strerror or error}), expected a folder that can be written "
            f"(--data-dir names another)"
        ) from error


def _write_split(folder: Path, wardrobe: Wardrobe, split: SplitName, count: int) -> None:
    """Write the images and labels of one split."""
    images_name, labels_name = file_names(split)
    with (folder / images_name).open("wb") as images_file, (folder / labels_name).open("wb") as labels_file:
        images_file.write(make_header((count, SIDE, SIDE)))
        labels_file.write(make_header((count,)))
        for chunk in range(math.ceil(count / CHUNK)):
            images, labels = draw(wardrobe, split, chunk)
            rest = count - chunk * CHUNK
            images_file.write(images[:rest].tobytes())
            labels_file.write(labels[:rest].tobytes())


def _record(digest: str) -> str:
    """Return the content of `digest.txt`."""
    return f"{digest} version {_VERSION}"
