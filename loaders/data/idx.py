"""IDX files, the format of MNIST and its kin: written, checked, read.

A set is four files in one folder, each as it is or as `.gz`; the plain one is read where both are there.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from loaders.data.dataset_ref import DatasetRef, FileStamp
from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit, SplitName
from loaders.data.mapped_file import MappedFile

# The folder beside the files for what loaders make of them.
CONVERTED = "converted"
_UNSIGNED_BYTE = 0x08
_BLOCK_BYTES = 1 << 20


def names(split: SplitName) -> tuple[str, str]:
    """The file names of a split's images and labels, as MNIST has them."""
    prefix = "train" if split == "train" else "t10k"
    return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"


NAMES = (*names("train"), *names("test"))


class Digests(NamedTuple):
    """SHA-256 in hex over uncompressed bytes, in the order of NAMES.

    whole: of the four files in a row. each: of every one by itself.
    """

    whole: str
    each: tuple[str, ...]


def header(shape: tuple[int, ...]) -> bytes:
    """The bytes that open an IDX file of uint8 values of this shape."""
    return struct.pack(f">4B{len(shape)}I", 0, 0, _UNSIGNED_BYTE, len(shape), *shape)


def present(folder: Path) -> set[str]:
    """Which of the four files, plain and `.gz`, are in a folder; none where there is no such folder."""
    wanted = {name + suffix for name in NAMES for suffix in ("", ".gz")}
    try:
        return wanted.intersection(os.listdir(folder))  # noqa: PTH208 - it needs no iterator
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise DataError(
            f"{folder}: can't be looked into ({error.strerror or error}), expected a folder that can be read"
        ) from error


def read(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read a file of uint8 values with this many dimensions, `.gz` or plain, into a writable array.

    Raises DataError where the file can't be read or its size is not what its header says.
    """
    with _opened(path) as stream:
        shape, _ = _read_header(stream, path, dimensions)
        values = (
            np.frombuffer(bytearray(stream.read()), np.uint8)
            if path.suffix == ".gz"
            else np.fromfile(stream, np.uint8)
        )
    _check_size(path, shape, values.size)
    return values.reshape(shape)


def map_file(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Map a plain file as `read` reads it: what is written to it stays in this process.

    Raises DataError where the file can't be read or its size is not what its header says.
    """
    with _opened(path) as stream:
        shape, opening = _read_header(stream, path, dimensions)
        _check_size(path, shape, os.fstat(stream.fileno()).st_size - len(opening))
        return MappedFile(path).tensor(torch.uint8, shape, len(opening)).numpy()


def samples(folder: Path, split: SplitName) -> int:
    """How many samples a split has, by its images' header. Raises DataError where that can't be read."""
    path = _path(folder, names(split)[0])
    with _opened(path) as stream:
        return _read_header(stream, path, 3)[0][0]


def scan(path: Path, dimensions: int, *sinks: Callable[[bytes], object]) -> tuple[int, ...]:
    """Check a file as `read` does, a block at a time, handing all of its uncompressed bytes to each sink.

    Returns the shape. Memory stays at a block, whatever the file's size.
    """
    with _opened(path) as stream:
        shape, block = _read_header(stream, path, dimensions)
        found = -len(block)
        while block:
            found += len(block)
            for sink in sinks:
                sink(block)
            block = stream.read(_BLOCK_BYTES)
    _check_size(path, shape, found)
    return shape


def check(folder: Path, classes: int) -> Digests:
    """Check all that can be known of the four files in a folder, and take their digests.

    Raises DataError where one is missing, damaged, holds a label of `classes` or more, doesn't fit the
    others, or differs from what its own `.gz` beside it holds.
    """
    there = present(folder)
    for name in NAMES:
        if not there & {name, f"{name}.gz"}:
            raise DataError(
                f"{folder / name}: missing, and so is its .gz; found {', '.join(sorted(there)) or 'none'}, "
                f"expected all of {', '.join(NAMES)}, each plain or as .gz"
            )
    whole, each = hashlib.sha256(), []
    pixels: dict[SplitName, tuple[int, ...]] = {}
    splits: tuple[SplitName, SplitName] = ("train", "test")
    for split in splits:
        images, labels = names(split)
        for name, dimensions in ((images, 3), (labels, 1)):
            path, one = _path(folder, name), hashlib.sha256()
            shape = scan(path, dimensions, one.update, whole.update)
            if {name, f"{name}.gz"} <= there:
                _check_same(path, one.hexdigest(), dimensions)
            each.append(one.hexdigest())
            if dimensions == 3:
                pixels[split] = shape
        _check_labels(_path(folder, labels), read(_path(folder, labels), 1), pixels[split], classes)
    if pixels["test"][1:] != pixels["train"][1:]:
        raise DataError(
            f"{_path(folder, names('test')[0])}: found images of {_sides(pixels['test'][1:])} pixels, "
            f"expected {_sides(pixels['train'][1:])} as in the training images"
        )
    return Digests(whole.hexdigest(), tuple(each))


def stamps(folder: Path) -> tuple[FileStamp, ...]:
    """The stamps of the four files that are read in a folder."""
    return tuple(FileStamp.of(_path(folder, name)) for name in NAMES)


def read_split(dataset: DatasetRef, split: SplitName) -> ImageSplit:
    """Read one split: images uint8 (N, H, W), labels int64 (N,). A `Dataset.reader` for IDX files.

    The images of a plain file are mapped, those of a `.gz` are in memory. Raises DataError where a file no
    longer is what it was when the dataset was checked, as far as sizes and labels show it; the digest isn't
    taken again.
    """
    image_path, label_path = (_path(dataset.folder, name) for name in names(split))
    mapped = image_path.suffix != ".gz"
    images, labels = map_file(image_path, 3) if mapped else read(image_path, 3), read(label_path, 1)
    _check_labels(label_path, labels, images.shape, len(dataset.classes))
    return ImageSplit(
        name=dataset.name,
        digest=dataset.digest,
        images=torch.from_numpy(images),
        labels=torch.from_numpy(labels).long(),
        classes=dataset.classes,
        folder=dataset.folder / CONVERTED / split,
        mapped=mapped,
    )


def _path(folder: Path, name: str) -> Path:
    plain, packed = folder / name, folder / f"{name}.gz"
    return packed if os.path.lexists(packed) and not os.path.lexists(plain) else plain


@contextmanager
def _opened(path: Path) -> Iterator[BufferedIOBase]:
    expected = "an IDX file packed by gzip" if path.suffix == ".gz" else "an IDX file"
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield stream
    except EOFError as error:
        raise DataError(f"{path}: found a gzip file that ends too early, expected {expected}") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: found damaged gzip data ({error}), expected {expected}") from error
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror or error}), expected {expected}") from error


def _read_header(stream: BufferedIOBase, path: Path, dimensions: int) -> tuple[tuple[int, ...], bytes]:
    length = len(header((0,) * dimensions))
    found = stream.read(length)
    magic = header((0,) * dimensions)[:4]
    if found[:4] != magic:
        raise DataError(
            f"{path}: found 0x{found[:4].hex()} at the start, expected 0x{magic.hex()} "
            f"(an IDX file of unsigned bytes in {dimensions} dimension{'s'[: dimensions - 1]})"
        )
    if len(found) < length:
        raise DataError(f"{path}: found {len(found)} bytes, expected a header of {length}")
    shape = struct.unpack(f">{dimensions}I", found[4:])
    if 0 in shape:
        raise DataError(f"{path}: found a size of {_sides(shape)}, expected none to be 0")
    return shape, found


def _check_size(path: Path, shape: tuple[int, ...], found: int) -> None:
    if found != math.prod(shape):
        raise DataError(
            f"{path}: found {found} bytes after the header, expected {math.prod(shape)} ({_sides(shape)})"
        )


def _check_labels(path: Path, labels: npt.NDArray[np.uint8], images: tuple[int, ...], classes: int) -> None:
    if len(labels) != images[0]:
        raise DataError(f"{path}: found {len(labels)} labels, expected {images[0]}, one for each image")
    if labels.max() >= classes:
        raise DataError(f"{path}: found the label {labels.max()}, expected 0 to {classes - 1}")


def _check_same(plain: Path, digest: str, dimensions: int) -> None:
    packed = plain.with_name(f"{plain.name}.gz")
    content = hashlib.sha256()
    scan(packed, dimensions, content.update)
    if content.hexdigest() != digest:
        raise DataError(
            f"{plain}: found other bytes (SHA-256 {digest[:8]}…), expected those that {packed.name} "
            f"beside it holds ({content.hexdigest()[:8]}…); delete the wrong one"
        )


def _sides(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
