"""IDX files, the format of MNIST and its relatives.

An IDX file starts with two zero bytes, a type code and the number of dimensions. The sizes follow as
big-endian uint32, then the values. The first bytes tell whether gzip has packed a file, whatever its name.
Source: http://yann.lecun.com/exdb/mnist/
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from loaders.data.errors import DataError
from loaders.data.mapped_file import MappedFile

_BLOCK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"


class IdxForm(NamedTuple):
    """A type and a number of dimensions that an IDX file can have.

    Attributes:
        type_code: third byte of the file.
        dimensions: fourth byte of the file.
        item_bytes: bytes of one value.
        words: the type in words.
    """

    type_code: int
    dimensions: int
    item_bytes: int
    words: str

    @property
    def magic(self) -> bytes:
        """The four bytes at the start of the file."""
        return bytes((0, 0, self.type_code, self.dimensions))

    def __str__(self) -> str:
        plural = "s" if self.dimensions > 1 else ""
        return f"an IDX file of {self.words} in {self.dimensions} dimension{plural}"


IMAGES = (IdxForm(0x08, 3, 1, "unsigned bytes"),)
# QMNIST's labels are int32 (N, 8), with the class in the first column.
_QMNIST_LABELS = IdxForm(0x0C, 2, 4, "int32 values")
LABELS = (IdxForm(0x08, 1, 1, "unsigned bytes"), _QMNIST_LABELS)

# Files that stand in for data: the first bytes, and the words of the error.
_OTHER_FILES = (
    (b"version https://git-lfs", "a git-LFS pointer (git lfs pull fetches the file)"),
    (b"PK\x03\x04", "a zip archive (unpack it)"),
    (b"BZh", "a bzip2 file (unpack it)"),
    (b"\xfd7zXZ", "an xz file (unpack it)"),
    (b"<", "a web page or XML (download the file again)"),
)


class IdxHeader(NamedTuple):
    """The header of an IDX file.

    Attributes:
        form: type and number of dimensions.
        shape: sizes, the number of samples first.
        content: the bytes of the header.
    """

    form: IdxForm
    shape: tuple[int, ...]
    content: bytes


def make_header(shape: tuple[int, ...]) -> bytes:
    """Return the header of an IDX file of uint8 values of this shape."""
    return struct.pack(f">4B{len(shape)}I", 0, 0, IMAGES[0].type_code, len(shape), *shape)


def is_packed(path: Path) -> bool:
    """Return whether a file is packed by gzip. Raises DataError where it can't be read."""
    with _open(path) as stream:
        return isinstance(stream, gzip.GzipFile)


def read_images(path: Path) -> npt.NDArray[np.uint8]:
    """Read images into a writable array, uint8 (N, H, W).

    Raises:
        DataError: the file can't be read, or its size differs from its header.
    """
    header, values = _read(path, IMAGES)
    return values.reshape(header.shape)


def read_labels(path: Path) -> npt.NDArray[np.int64]:
    """Read labels into a writable array, int64 (N,), each in 0..255.

    Raises:
        DataError: the file can't be read, its size differs from its header, or a label is out of range.
    """
    header, values = _read(path, LABELS)
    labels = values.astype(np.int64)
    if header.form is _QMNIST_LABELS:
        labels = values.view(">i4").reshape(header.shape)[:, 0].astype(np.int64)
    if labels.min() < 0 or labels.max() > 255:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise DataError(f"{path}: found the label {wrong}, expected 0 to 255")
    return labels


def map_images(path: Path) -> npt.NDArray[np.uint8]:
    """Map the images of an unpacked file, uint8 (N, H, W). Changes to the array stay in this process.

    Raises:
        DataError: the file can't be mapped, or its size differs from its header.
    """
    with _open(path) as stream:
        header = _read_header(stream, path, IMAGES)
        _check_size(path, header, os.fstat(stream.fileno()).st_size - len(header.content))
        return MappedFile(path).tensor(torch.uint8, header.shape, len(header.content)).numpy()


def count_images(path: Path) -> int:
    """Return the number of images that the header of a file states.

    Raises:
        DataError: the header can't be read.
    """
    with _open(path) as stream:
        return _read_header(stream, path, IMAGES).shape[0]


def scan(path: Path, forms: tuple[IdxForm, ...], *sinks: Callable[[bytes], object]) -> tuple[int, ...]:
    """Check a file block by block. Memory stays at one block, whatever the size of the file.

    Args:
        path: file to read.
        forms: forms that the file may have, IMAGES or LABELS.
        sinks: functions that receive all unpacked bytes in order.

    Returns:
        The shape.

    Raises:
        DataError: the file can't be read, or its size differs from its header.
    """
    with _open(path) as stream:
        header = _read_header(stream, path, forms)
        block, found_bytes = header.content, -len(header.content)
        while block:
            found_bytes += len(block)
            for sink in sinks:
                sink(block)
            block = stream.read(_BLOCK_BYTES)
    _check_size(path, header, found_bytes)
    return header.shape


@contextmanager
def _open(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file to read its unpacked bytes; yield a gzip.GzipFile where it is packed."""
    expected = "an IDX file, plain or packed by gzip"
    try:
        with path.open("rb") as file:
            packed = file.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
            with gzip.GzipFile(fileobj=file) if packed else nullcontext(file) as stream:
                yield stream
    except EOFError as error:
        raise DataError(f"{path}: found a gzip file that ends too early, expected {expected}") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: found damaged gzip data ({error}), expected {expected}") from error
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror or error}), expected {expected}") from error


def _read(path: Path, forms: tuple[IdxForm, ...]) -> tuple[IdxHeader, npt.NDArray[np.uint8]]:
    """Read a file's header and its values as bytes, uint8 (bytes,)."""
    with _open(path) as stream:
        header = _read_header(stream, path, forms)
        if isinstance(stream, gzip.GzipFile):
            values = np.frombuffer(bytearray(stream.read()), np.uint8)
        else:
            values = np.fromfile(stream, np.uint8)
    _check_size(path, header, values.size)
    return header, values


def _read_header(stream: BufferedIOBase, path: Path, forms: tuple[IdxForm, ...]) -> IdxHeader:
    """Read the header. Raises DataError unless it has one of the forms and no size of 0."""
    magic = stream.read(4)
    form = next((form for form in forms if form.magic == magic), None)
    if form is None:
        found = f"0x{magic.hex()} at the start"
        start = magic + stream.read(32)
        found = next((words for other, words in _OTHER_FILES if start.startswith(other)), found)
        raise DataError(f"{path}: found {found}, expected 0x{forms[0].magic.hex()} ({forms[0]})")
    content = magic + stream.read(4 * form.dimensions)
    length = 4 + 4 * form.dimensions
    if len(content) < length:
        raise DataError(f"{path}: found {len(content)} bytes, expected a header of {length}")
    shape = struct.unpack(f">{form.dimensions}I", content[4:])
    if 0 in shape:
        raise DataError(f"{path}: found a size of {format_sides(shape)}, expected none to be 0")
    return IdxHeader(form, shape, content)


def _check_size(path: Path, header: IdxHeader, found_bytes: int) -> None:
    """Raise DataError unless a file holds as many bytes as its header states."""
    expected = math.prod(header.shape) * header.form.item_bytes
    if found_bytes != expected:
        raise DataError(
            f"{path}: found {found_bytes} bytes after the header, expected {expected} "
            f"({format_sides(header.shape)})"
        )


def format_sides(shape: tuple[int, ...]) -> str:
    """Return the sizes as `28 × 28`."""
    return " × ".join(map(str, shape))
