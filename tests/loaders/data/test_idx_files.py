"""The four files of a set: complete, whole, and fitting each other."""

import gzip
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from loaders.data.dataset_ref import DatasetRef
from loaders.data.errors import DataError
from loaders.data.idx import make_header
from loaders.data.idx_files import FILE_NAMES, CheckedFiles, IdxFiles
from loaders.data.idx_finder import find_in_folder
from tests.loaders.data.idx_sets import QMNIST_NAMES, idx_bytes, write_set

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = FILE_NAMES


@pytest.fixture
def folder(tmp_path):
    return write_set(tmp_path)


def pack(folder, name, *, keep=False):
    """Pack a file beside itself, or in its place."""
    plain = folder / name
    packed = folder / f"{name}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    if not keep:
        plain.unlink()
    return packed


def check(folder):
    [files] = find_in_folder(folder)
    return files.check()


def read(folder, split="train", classes=10):
    [files] = find_in_folder(folder)
    return DatasetRef("idx-test", "0" * 64, folder, ("x",) * classes, files.read).read(split)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_read_gives_tensors(folder, packed):
    """Images are uint8 (N, H, W), labels int64 (N,), the test split its own; only plain files are mapped."""
    expected = np.frombuffer((folder / TEST_IMAGES).read_bytes()[16:], np.uint8).reshape(5, 28, 28)
    if packed:
        pack(folder, TEST_IMAGES)
        pack(folder, TEST_LABELS)
    source = read(folder, "test")
    assert (source.images.dtype, source.labels.dtype) == (torch.uint8, torch.int64)
    np.testing.assert_array_equal(source.images.numpy(), expected)
    assert source.labels.tolist() == [0, 1, 2, 3, 4]
    assert source.mapped != packed
    assert source.folder == folder / "converted" / "test"


def test_gzip_content_under_a_plain_name(folder):
    """Files that somebody renamed are read like packed ones."""
    expected = read(folder).images.clone()
    whole = check(folder)
    for name in FILE_NAMES:
        pack(folder, name).rename(folder / name)
    assert check(folder) == whole
    assert torch.equal(read(folder).images, expected)
    assert not read(folder).mapped


def test_plain_content_under_the_name_of_a_packed_file(folder):
    """Some browsers unpack and keep the name."""
    expected = check(folder)
    for name in FILE_NAMES:
        (folder / name).rename(folder / f"{name}.gz")
    assert check(folder) == expected
    assert read(folder).mapped


def test_conversions_can_go_elsewhere(folder, tmp_path):
    """The folder for them is that of the files, or another."""
    files = IdxFiles(folder, find_in_folder(folder)[0].parts, converted=tmp_path / "cache")
    dataset = DatasetRef("idx-test", "0" * 64, folder, ("x",) * 10, files.read)
    assert dataset.read("train").folder == tmp_path / "cache" / "train"


def test_digests_are_those_of_the_unpacked_bytes(folder):
    """Packing files doesn't change what the data are."""
    content = [(folder / name).read_bytes() for name in FILE_NAMES]
    expected = CheckedFiles(
        hashlib.sha256(b"".join(content)).hexdigest(),
        tuple(hashlib.sha256(c).hexdigest() for c in content),
        highest_label=9,
    )
    assert check(folder) == expected
    pack(folder, TRAIN_IMAGES)
    pack(folder, TEST_LABELS, keep=True)
    assert check(folder) == expected


@pytest.mark.parametrize("name", FILE_NAMES)
def test_missing(folder, name):
    """Three files are not enough, whichever is missing."""
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{re.escape(str(folder / name))}: missing, .* expected all of"):
        check(folder)


@pytest.mark.parametrize("split", ["train", "t10k"])
def test_one_split_alone(folder, split):
    """The error names both missing files, and the ones that are there."""
    for name in FILE_NAMES:
        if name.startswith(split):
            (folder / name).unlink()
    gone = ", ".join(name for name in FILE_NAMES if name.startswith(split))
    there = ", ".join(sorted(name for name in FILE_NAMES if not name.startswith(split)))
    with pytest.raises(DataError, match=f"{gone}: missing, found {there}, expected all of"):
        check(folder)


def test_missing_files_have_the_names_of_their_set(tmp_path):
    """QMNIST's names differ from MNIST's."""
    write_set(tmp_path, QMNIST_NAMES)
    (tmp_path / QMNIST_NAMES[3]).unlink()
    with pytest.raises(DataError, match=f"{QMNIST_NAMES[3]}: missing, .*all of {', '.join(QMNIST_NAMES)}"):
        check(tmp_path)


@pytest.mark.parametrize("name", FILE_NAMES)
def test_every_file_is_checked(folder, name):
    """A byte too many in any of them is found, checking and reading."""
    (folder / name).write_bytes((folder / name).read_bytes() + b"\0")
    with pytest.raises(DataError, match=f"{name}: found .* bytes after the header"):
        check(folder)
    with pytest.raises(DataError, match=f"{name}: found .* bytes after the header"):
        read(folder, "train" if name.startswith("train") else "test")


def test_damaged_gz_beside_a_sound_plain_file(folder):
    """The copy is checked too."""
    packed = pack(folder, TRAIN_IMAGES, keep=True)
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(DataError, match=rf"{TRAIN_IMAGES}\.gz: found .*ends too early"):
        check(folder)


@pytest.mark.parametrize("copy", [f"{TRAIN_IMAGES}.gz", TRAIN_IMAGES.replace("-idx", ".idx")])
def test_plain_file_that_differs_from_its_copy(folder, copy):
    """One flipped pixel in the file that is read, or in its copy, and the error names both."""
    content = bytearray((folder / TRAIN_IMAGES).read_bytes())
    (folder / copy).write_bytes(gzip.compress(content) if copy.endswith(".gz") else content)
    assert check(folder).highest_label == 9
    content[100] ^= 1
    (folder / TRAIN_IMAGES).write_bytes(content)
    with pytest.raises(DataError, match=rf"{TRAIN_IMAGES}: found other bytes .*{re.escape(copy)}"):
        check(folder)


def test_label_out_of_range(folder):
    """A label that the located set had no class for is found, wherever it stands."""
    labels = np.zeros(20, np.uint8)
    labels[13] = 10
    (folder / TRAIN_LABELS).write_bytes(idx_bytes(labels))
    assert check(folder).highest_label == 10
    with pytest.raises(DataError, match=f"{TRAIN_LABELS}: found the label 10, expected 0 to 9"):
        read(folder)
    assert read(folder, classes=11).labels.max() == 10


def test_fewer_labels_than_images(folder):
    """A label file that is sound by itself but belongs to other images."""
    (folder / TEST_LABELS).write_bytes(idx_bytes(np.zeros(4, np.uint8)))
    with pytest.raises(DataError, match=f"{TEST_LABELS}: found 4 labels, expected 5"):
        check(folder)
    with pytest.raises(DataError, match="found 4 labels, expected 5"):
        read(folder, "test")


def test_test_images_of_another_size(folder):
    """Training and test images must have the same sides."""
    (folder / TEST_IMAGES).write_bytes(idx_bytes(np.zeros((5, 32, 28), np.uint8)))
    with pytest.raises(DataError, match=f"{TEST_IMAGES}: found images of 32 × 28 pixels, expected 28 × 28"):
        check(folder)


def test_header_of_no_images(folder):
    """An empty set is refused."""
    (folder / TRAIN_IMAGES).write_bytes(make_header((0, 28, 28)))
    with pytest.raises(DataError, match="found a size of 0"):
        check(folder)


def test_folder_in_place_of_a_file(folder):
    """A folder of that name with no such file in it."""
    (folder / TRAIN_LABELS).unlink()
    (folder / TRAIN_LABELS).mkdir()
    with pytest.raises(DataError, match=rf"{TRAIN_LABELS}: can't be read \(Is a directory\)"):
        check(folder)


def test_link_to_nowhere_is_not_passed_over(folder):
    """A broken link is an error, and not a reason to read the .gz instead."""
    pack(folder, TRAIN_LABELS)
    (folder / TRAIN_LABELS).symlink_to(folder / "gone")
    with pytest.raises(DataError, match=f"{TRAIN_LABELS}: can't be read"):
        check(folder)


def test_stamps_are_those_of_the_files_that_are_read(folder):
    """In the order of FILE_NAMES."""
    packed = pack(folder, TRAIN_LABELS)
    [files] = find_in_folder(folder)
    paths: list[Path] = [stamp.path for stamp in files.stamps()]
    assert paths == [folder / TRAIN_IMAGES, packed, folder / TEST_IMAGES, folder / TEST_LABELS]
