"""IDX files, written, checked and read."""

import gzip
import hashlib
import math
import os
import re
import sys

import numpy as np
import pytest
import torch

from loaders.data import idx
from loaders.data.dataset_ref import DatasetRef
from loaders.data.errors import DataError

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = idx.NAMES


def idx_bytes(values):
    return idx.header(values.shape) + values.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A sound set of 20 training and 5 test samples, none packed."""
    values = np.random.RandomState(0)
    for split, count in (("train", 20), ("test", 5)):
        images, labels = idx.names(split)
        (tmp_path / images).write_bytes(idx_bytes(values.randint(0, 256, (count, 28, 28)).astype(np.uint8)))
        (tmp_path / labels).write_bytes(idx_bytes(np.arange(count, dtype=np.uint8) % 10))
    return tmp_path


def pack(folder, name, *, keep=False):
    plain = folder / name
    packed = folder / f"{name}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    if not keep:
        plain.unlink()
    return packed


def dataset_in(folder):
    return DatasetRef("idx-test", "0" * 64, folder, tuple("abcdefghij"), idx.read_split)


def test_header_is_what_mnist_has():
    """The published training images begin with these 16 bytes."""
    assert idx.header((60000, 28, 28)) == bytes.fromhex("00000803 0000ea60 0000001c 0000001c")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_read_gives_back_what_was_written(tmp_path, packed):
    """Shape, values and type survive, and the array can be written to, as torch asks."""
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(idx_bytes(values))
    found = idx.read(pack(tmp_path, TRAIN_IMAGES) if packed else path, 3)
    assert found.dtype == np.uint8
    assert found.flags.writeable
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_read_split_gives_tensors(folder, packed):
    """Images are uint8 (N, H, W), labels int64 (N,), the test split its own."""
    expected = np.frombuffer((folder / TEST_IMAGES).read_bytes()[16:], np.uint8).reshape(5, 28, 28)
    if packed:
        pack(folder, TEST_IMAGES)
        pack(folder, TEST_LABELS)
    source = dataset_in(folder).read("test")
    assert (source.images.dtype, source.labels.dtype) == (torch.uint8, torch.int64)
    np.testing.assert_array_equal(source.images.numpy(), expected)
    assert source.labels.tolist() == [0, 1, 2, 3, 4]
    assert idx.samples(folder, "test") == 5


def test_digests_are_those_of_the_uncompressed_bytes(folder):
    """Packing files doesn't change what the data is."""
    content = [(folder / name).read_bytes() for name in idx.NAMES]
    expected = idx.Digests(
        hashlib.sha256(b"".join(content)).hexdigest(), tuple(hashlib.sha256(c).hexdigest() for c in content)
    )
    assert idx.check(folder, 10) == expected
    pack(folder, TRAIN_IMAGES)
    pack(folder, TEST_LABELS, keep=True)
    assert idx.check(folder, 10) == expected


def test_scan_hands_over_all_bytes_a_block_at_a_time(tmp_path):
    """A file larger than a block reaches every sink whole and in order."""
    values = np.zeros((3000, 28, 28), np.uint8)
    values[-1] = 7
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(idx_bytes(values))
    blocks = []
    assert idx.scan(path, 3, blocks.append) == values.shape
    assert b"".join(blocks) == path.read_bytes()
    assert len(blocks) > 2


@pytest.mark.parametrize("name", idx.NAMES)
def test_missing(folder, name):
    """Three files are not enough, whichever is missing."""
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{re.escape(str(folder / name))}: missing, .* expected all of"):
        idx.check(folder, 10)


@pytest.mark.parametrize("name", idx.NAMES)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(("change", "difference"), [("truncated", -1), ("with a trailing byte", 1)])
def test_wrong_size(folder, name, packed, change, difference):
    """One byte too few or too many is found, checking and reading."""
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] if difference < 0 else content + b"\0")
    header_bytes = 16 if "images" in name else 8
    expected = len(content) - header_bytes
    if packed:
        path = pack(folder, name)
    says = (
        f"{re.escape(str(path))}: found {expected + difference} bytes after the header, expected {expected} "
    )
    with pytest.raises(DataError, match=says):
        idx.check(folder, 10)
    with pytest.raises(DataError, match=says):
        dataset_in(folder).read("train" if name.startswith("train") else "test")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "found 0x at the start, expected 0x00000803"),
        (b"\0\0\x08", "found 0x000008 at the start, expected 0x00000803"),
        (b"\0\0\x08\x03\0\0", "found 6 bytes, expected a header of 16"),
        (b"\0\0\x08\x01\0\0\0\x01\x05", r"found 0x00000801 .* in 3 dimensions"),
        (b"\0\0\x0d\x03" + bytes(16), "found 0x00000d03 .* unsigned bytes"),
        (idx.header((0, 28, 28)), "found a size of 0 × 28 × 28, expected none to be 0"),
        (idx.header((2**32 - 1, 2**32 - 1, 9)), "found 0 bytes after the header, expected 1660"),
        (gzip.compress(b"x"), "found 0x1f8b"),
    ],
    ids=["empty", "short", "half a header", "labels", "floats", "no images", "huge", "packed"],
)
def test_bad_content(folder, content, says):
    """What isn't an IDX file of images is refused for what it is; no header makes it allocate."""
    (folder / TRAIN_IMAGES).write_bytes(content)
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES}: {says}"):
        idx.check(folder, 10)
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES}: {says}"):
        dataset_in(folder).read("train")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda packed: packed[:-20], "ends too early"),
        (lambda packed: packed[:200] + bytes(100) + packed[300:], "damaged gzip data"),
        (lambda packed: packed[:-8] + bytes(4) + packed[-4:], r"damaged gzip data \(CRC"),
        (lambda packed: b"not gzip at all", "damaged gzip data"),
    ],
    ids=["truncated", "corrupt", "wrong checksum", "not gzip"],
)
@pytest.mark.parametrize("keep", [False, True], ids=["alone", "beside the plain file"])
def test_damaged_gz(folder, damage, says, keep):
    """A damaged .gz is found even where the plain file beside it is sound."""
    packed = pack(folder, TRAIN_IMAGES, keep=keep)
    packed.write_bytes(damage(packed.read_bytes()))
    with pytest.raises(DataError, match=rf"{TRAIN_IMAGES}\.gz: found .*{says}"):
        idx.check(folder, 10)


def test_plain_file_that_differs_from_its_gz(folder):
    """One flipped pixel in the plain file, which is the one that gets read, and the error names it."""
    pack(folder, TRAIN_IMAGES, keep=True)
    content = bytearray((folder / TRAIN_IMAGES).read_bytes())
    content[100] ^= 1
    (folder / TRAIN_IMAGES).write_bytes(content)
    with pytest.raises(DataError, match=rf"{TRAIN_IMAGES}: found other bytes .*{TRAIN_IMAGES}\.gz"):
        idx.check(folder, 10)


def test_label_out_of_range(folder):
    """Label 10 of ten classes is one too many, wherever it stands."""
    labels = np.zeros(20, np.uint8)
    labels[13] = 10
    (folder / TRAIN_LABELS).write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match=f"{TRAIN_LABELS}: found the label 10, expected 0 to 9"):
        idx.check(folder, 10)
    with pytest.raises(DataError, match="found the label 10"):
        dataset_in(folder).read("train")


def test_fewer_labels_than_images(folder):
    """A label file that is sound by itself but belongs to other images."""
    (folder / TEST_LABELS).write_bytes(idx_bytes(np.zeros(4, np.uint8)))
    with pytest.raises(DataError, match=f"{TEST_LABELS}: found 4 labels, expected 5"):
        idx.check(folder, 10)
    with pytest.raises(DataError, match="found 4 labels, expected 5"):
        dataset_in(folder).read("test")


def test_test_images_of_another_size(folder):
    """Training and test images must have the same sides."""
    (folder / TEST_IMAGES).write_bytes(idx_bytes(np.zeros((5, 32, 28), np.uint8)))
    with pytest.raises(DataError, match=f"{TEST_IMAGES}: found images of 32 × 28 pixels, expected 28 × 28"):
        idx.check(folder, 10)


def test_folder_in_place_of_a_file(folder):
    """Some unpackers make a folder of that name."""
    (folder / TRAIN_LABELS).unlink()
    (folder / TRAIN_LABELS).mkdir()
    with pytest.raises(DataError, match=rf"{TRAIN_LABELS}: can't be read \(Is a directory\)"):
        idx.check(folder, 10)


def test_link_to_nowhere_is_not_passed_over(folder):
    """A broken link is an error, and not a reason to read the .gz instead."""
    pack(folder, TRAIN_LABELS)
    (folder / TRAIN_LABELS).symlink_to(folder / "gone")
    with pytest.raises(DataError, match=f"{TRAIN_LABELS}: can't be read"):
        idx.check(folder, 10)


def test_present_names_what_is_there(folder, tmp_path):
    """Foreign files don't count; a folder that isn't there, or is a file, holds none."""
    pack(folder, TEST_LABELS)
    (folder / "README").touch()
    assert idx.present(folder) == {TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, f"{TEST_LABELS}.gz"}
    assert idx.present(tmp_path / "none") == idx.present(folder / "README") == set()


def test_folder_that_may_not_be_looked_into(folder, monkeypatch):
    """Tests may run as root, whom rights don't stop: the refusal is played."""

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(DataError, match=r"can't be looked into \(Permission denied\)"):
        idx.present(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may set memory aside for a mapped file")
def test_a_file_larger_than_memory_is_mapped(tmp_path) -> None:
    """No memory is set aside for what nobody writes."""
    path = tmp_path / "large"
    shape = (2**22, 2**8, 2**9)  # 512 GiB, of which the disk holds none
    with path.open("wb") as file:
        file.write(idx.header(shape))
        file.truncate(len(idx.header(shape)) + math.prod(shape))
    images = idx.map_file(path, 3)
    assert images.shape == shape
    assert images[2**21, 3, 4] == 0
