"""The synthetic set: drawn garments in the format, the size and about the statistics of Fashion-MNIST.

Integers throughout, and no random numbers but the words of MT19937, whose stream numpy has frozen: every
machine and every numpy draws the same bytes.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loaders.data import idx
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
from loaders.data.image_split import SplitName

CHUNK = 1000  # samples
_VERSION = 1  # of the bytes drawn: a change to them needs a new number
_CLASSES = len(GARMENTS)


def locate(data_dir: Path, count: int) -> tuple[Path, str]:
    """Find the set of `count` training samples under a folder, or write it there.

    It has max(1, count // 6) test samples. Returns the folder of its IDX files and their digest.
    Raises DataError where the files are no longer what was written, or can't be written.
    """
    root = data_dir / f"synthetic-{count}"
    if not os.path.exists(root):  # noqa: PTH110 - False, not an error, where this user may not look
        _write(root, count)
    folder, record = root / "FashionMNIST" / "raw", root / "digest.txt"
    try:
        digest, written = idx.check(folder, _CLASSES).whole, record.read_text()
    except (DataError, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{error}; delete the folder {root}, and it is written anew") from error
    if written != _record(digest):
        raise DataError(
            f"{folder}: found {_record(digest)!r}, expected {written!r} as {record.name} says; "
            f"delete the folder {root}, and it is written anew"
        )
    return folder, digest


def draw(
    wardrobe: Wardrobe, split: SplitName, chunk: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Draw one chunk: images uint8 (CHUNK, H, W) and labels uint8 (CHUNK,).

    It depends on the split and the chunk's number only, so a smaller set is the start of a larger one.
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
    needed, parent = (count + count // 6) * (SIDE * SIDE + 1), root.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(parent).free
        if needed > free:
            raise DataError(
                f"{root}: found {free / 1e9:.1f} GB free on the disk, expected {needed / 1e9:.1f} GB"
            )
        # One level down: only its owner may enter the temporary folder itself.
        with tempfile.TemporaryDirectory(prefix=".synthetic-", dir=parent) as temporary:
            staged = Path(temporary) / root.name
            folder = staged / "FashionMNIST" / "raw"
            folder.mkdir(parents=True)
            clothes = draw_wardrobe()
            _write_split(folder, clothes, "train", count)
            _write_split(folder, clothes, "test", max(1, count // 6))
            (staged / "digest.txt").write_text(_record(idx.check(folder, _CLASSES).whole))
            try:
                staged.rename(root)
            except OSError:
                # Another process may have been faster; whatever is there now gets checked by its digest.
                if not root.exists():
                    raise
    except OSError as error:
        raise DataError(
            f"{root}: can't be written ({error.strerror or error}), expected a folder that can be written"
        ) from error


def _write_split(folder: Path, clothes: Wardrobe, split: SplitName, count: int) -> None:
    images_name, labels_name = idx.names(split)
    with (folder / images_name).open("wb") as images_file, (folder / labels_name).open("wb") as labels_file:
        images_file.write(idx.header((count, SIDE, SIDE)))
        labels_file.write(idx.header((count,)))
        for chunk in range(math.ceil(count / CHUNK)):
            images, labels = draw(clothes, split, chunk)
            rest = count - chunk * CHUNK
            images_file.write(images[:rest].tobytes())
            labels_file.write(labels[:rest].tobytes())


def _record(digest: str) -> str:
    return f"{digest} version {_VERSION}"
