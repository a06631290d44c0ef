"""IDX files, written, checked and read."""

import gzip
import math
import re
import sys

import numpy as np
import pytest

from loaders.data import idx
from loaders.data.errors import DataError
from tests.loaders.data.idx_sets import idx_bytes, qmnist_label_bytes

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "images"


def test_header_is_what_mnist_has():
    """The published training images begin with these 16 bytes."""
    assert idx.make_header((60000, 28, 28)) == bytes.fromhex("00000803 0000ea60 0000001c 0000001c")


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_read_gives_back_what_was_written(tmp_path, name, packed):
    """The content tells whether gzip has packed a file, and the name doesn't. The array can be written to."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(idx_bytes(VALUES)) if packed else idx_bytes(VALUES))
    found = idx.read_images(path)
    assert found.dtype == np.uint8
    assert found.flags.writeable
    np.testing.assert_array_equal(found, VALUES)
    assert idx.is_packed(path) == packed
    assert idx.count_images(path) == 2


def test_labels_of_mnist(path):
    """One unsigned byte each becomes int64."""
    path.write_bytes(idx_bytes(np.array([3, 0, 255], np.uint8)))
    found = idx.read_labels(path)
    assert found.dtype == np.int64
    assert found.tolist() == [3, 0, 255]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_labels_of_qmnist(path, packed):
    """The class is the first of eight int32 columns."""
    content = qmnist_label_bytes(np.array([3, 0, 9]))
    path.write_bytes(gzip.compress(content) if packed else content)
    assert idx.read_labels(path).tolist() == [3, 0, 9]
    assert idx.scan(path, idx.LABELS) == (3, 8)


@pytest.mark.parametrize("wrong", [-1, 256])
def test_labels_that_no_class_has(path, wrong):
    """A label of QMNIST's type can be out of range."""
    path.write_bytes(qmnist_label_bytes(np.array([3, wrong])))
    with pytest.raises(DataError, match=f"images: found the label {wrong}, expected 0 to 255"):
        idx.read_labels(path)


def test_scan_hands_over_all_bytes_a_block_at_a_time(path):
    """A file larger than a block reaches every sink whole and in order."""
    values = np.zeros((3000, 28, 28), np.uint8)
    values[-1] = 7
    path.write_bytes(idx_bytes(values))
    blocks = []
    assert idx.scan(path, idx.IMAGES, blocks.append) == values.shape
    assert b"".join(blocks) == path.read_bytes()
    assert len(blocks) > 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"found 0x at the start, expected 0x00000803 \(an IDX file of unsigned bytes in 3 dimensions"),
        (b"\0\0\x08", "found 0x000008 at the start, expected 0x00000803"),
        (b"\0\0\x08\x03\0\0", "found 6 bytes, expected a header of 16"),
        (b"\0\0\x08\x01\0\0\0\x01\x05", r"found 0x00000801 .* in 3 dimensions"),
        (b"\0\0\x0d\x03" + bytes(16), "found 0x00000d03 .* unsigned bytes"),
        (idx.make_header((0, 28, 28)), "found a size of 0 × 28 × 28, expected none to be 0"),
        (idx.make_header((2**32 - 1, 2**32 - 1, 9)), "found 0 bytes after the header, expected 1660"),
        (gzip.compress(b"xyz..."), "found 0x78797a2e at the start"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9912422\n",
            r"found a git-LFS pointer \(git lfs pull fetches the file\), expected 0x00000803",
        ),
        (b"PK\x03\x04rest", r"found a zip archive \(unpack it\)"),
        (b"BZh91AY", r"found a bzip2 file \(unpack it\)"),
        (b"\xfd7zXZ\0", r"found an xz file \(unpack it\)"),
        (b"<!DOCTYPE html><html>", r"found a web page or XML \(download the file again\)"),
    ],
    ids=[
        "empty",
        "short",
        "half a header",
        "labels",
        "floats",
        "no images",
        "huge",
        "packed text",
        "lfs",
        "zip",
        "bz2",
        "xz",
        "html",
    ],
)
def test_bad_content(path, content, says):
    """Another file than one of images is refused for what it is. No header makes it allocate."""
    path.write_bytes(content)
    for read in (idx.read_images, idx.map_images, lambda path: idx.scan(path, idx.IMAGES)):
        if read is not idx.map_images or content[:2] != b"\x1f\x8b":
            with pytest.raises(DataError, match=f"images: {says}"):
                read(path)


def test_labels_in_place_of_images_and_the_other_way_round(path):
    """Swapped files are told apart."""
    path.write_bytes(idx_bytes(VALUES))
    with pytest.raises(
        DataError, match=r"found 0x00000803 at the start, expected 0x00000801 .*1 dimension\)"
    ):
        idx.read_labels(path)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("difference", [-1, 1])
def test_wrong_size(path, packed, difference):
    """One byte too few or too many is found."""
    content = idx_bytes(VALUES)[:-1] if difference < 0 else idx_bytes(VALUES) + b"\0"
    path.write_bytes(gzip.compress(content) if packed else content)
    says = f"{re.escape(str(path))}: found {24 + difference} bytes after the header, expected 24 "
    with pytest.raises(DataError, match=says):
        idx.read_images(path)
    with pytest.raises(DataError, match=says):
        idx.scan(path, idx.IMAGES)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda packed: packed[:-20], "ends too early"),
        (lambda packed: packed[:200] + bytes(100) + packed[300:], "damaged gzip data"),
        (lambda packed: packed[:-8] + bytes(4) + packed[-4:], r"damaged gzip data \(CRC"),
    ],
    ids=["truncated", "corrupt", "wrong checksum"],
)
def test_damaged_gz(path, damage, says):
    """Damage is found when the file is read."""
    random = np.random.RandomState(0).randint(0, 256, (9, 28, 28)).astype(np.uint8)
    path.write_bytes(damage(gzip.compress(idx_bytes(random))))
    with pytest.raises(DataError, match=f"images: found .*{says}"):
        idx.scan(path, idx.IMAGES)


def test_file_that_cannot_be_read(tmp_path):
    """A folder, or nothing, in place of the file."""
    with pytest.raises(DataError, match=r"can't be read \(Is a directory\), expected an IDX file"):
        idx.is_packed(tmp_path)
    with pytest.raises(DataError, match=r"none: can't be read \(No such file"):
        idx.read_labels(tmp_path / "none")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may set memory aside for a mapped file")
def test_a_file_larger_than_memory_is_mapped(path) -> None:
    """No memory is reserved for pages that nobody writes."""
    shape = (2**22, 2**8, 2**9)  # 512 GiB, of which the disk holds none
    with path.open("wb") as file:
        file.write(idx.make_header(shape))
        file.truncate(len(idx.make_header(shape)) + math.prod(shape))
    images = idx.map_images(path)
    assert images.shape == shape
    assert images[2**21, 3, 4] == 0
