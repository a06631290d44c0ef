"""Image sets under the names that publishers, unpackers and torchvision give their files."""

import os

import pytest

from loaders.data.errors import DataError
from loaders.data.idx_files import FILE_NAMES
from loaders.data.idx_finder import (
    find_by_prefix,
    find_elsewhere,
    find_in_folder,
    find_other_formats,
    find_usual,
)
from tests.loaders.data.idx_sets import DOTTED_NAMES, QMNIST_NAMES, emnist_names, write_set


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (FILE_NAMES, ""),
        (DOTTED_NAMES, ""),
        ([f"{name}.gz" for name in DOTTED_NAMES], ""),
        ([name.replace("-", "_") for name in FILE_NAMES], ""),
        ([name.upper() for name in FILE_NAMES], ""),
        ([f"{name}.bin" for name in FILE_NAMES], ""),
        (QMNIST_NAMES, "qmnist-"),
        (emnist_names("letters"), "emnist-letters-"),
        ([f"{name}.gz" for name in emnist_names("byclass")], "emnist-byclass-"),
        ([f"fashion-{name}" for name in FILE_NAMES], "fashion-"),
    ],
)
def test_names(tmp_path, names, prefix):
    """Each of the four files is found for what it is, and the set can be read."""
    write_set(tmp_path, names)
    [found] = find_in_folder(tmp_path)
    assert found.prefix == prefix
    assert found.parts == tuple((tmp_path / name,) for name in names)
    assert found.check().highest_label == 9


def test_foreign_files_do_not_count(tmp_path):
    """Neither do companions of a download; a folder that isn't there, or is a file, holds no set."""
    for name in ("README", f"{FILE_NAMES[0]}.gz.md5", f"{FILE_NAMES[1]}.sha256", "train.csv", "images"):
        (tmp_path / name).touch()
    assert find_in_folder(tmp_path) == []
    assert find_in_folder(tmp_path / "none") == find_in_folder(tmp_path / "README") == []


def test_plain_files_are_read_before_packed_ones(tmp_path):
    """An unfinished download beside them is passed over."""
    write_set(tmp_path)
    for ending in (".gz", ".gz.part"):
        (tmp_path / f"{FILE_NAMES[0]}{ending}").touch()
    [found] = find_in_folder(tmp_path)
    assert found.parts[0] == (tmp_path / FILE_NAMES[0], tmp_path / f"{FILE_NAMES[0]}.gz")


@pytest.mark.parametrize("inner", [FILE_NAMES, DOTTED_NAMES, emnist_names("digits")])
def test_file_in_a_folder_of_its_name(tmp_path, inner):
    """Some unpackers make such folders."""
    write_set(tmp_path / "all", inner)
    for outer, name in zip(FILE_NAMES, inner, strict=True):
        (tmp_path / outer).mkdir()
        (tmp_path / "all" / name).rename(tmp_path / outer / name)
    [found] = find_in_folder(tmp_path)
    assert found.parts == tuple(
        (tmp_path / outer / name,) for outer, name in zip(FILE_NAMES, inner, strict=True)
    )
    assert found.check().highest_label == 9


def test_sets_in_one_folder_are_told_apart(tmp_path):
    """By what stands before their names, in the order of the alphabet."""
    for split in ("letters", "digits"):
        write_set(tmp_path, emnist_names(split))
    write_set(tmp_path)
    assert [files.prefix for files in find_in_folder(tmp_path)] == ["", "emnist-digits-", "emnist-letters-"]


@pytest.mark.parametrize("place", ["FashionMNIST/raw", "FashionMNIST", "raw", "."])
def test_usual_places(tmp_path, place):
    """The place of torchvision and the ones above it."""
    write_set(tmp_path / place)
    assert [files.folder for files in find_usual(tmp_path)] == [tmp_path / place]
    assert find_elsewhere(tmp_path) == []


@pytest.mark.parametrize(
    "place", ["MNIST/raw", "MNIST", "fashion", "mine/raw", "archive/FashionMNIST/raw", "data/KMNIST/raw"]
)
def test_other_places(tmp_path, place):
    """Other folders, up to those that torchvision would make in a folder below."""
    write_set(tmp_path / place)
    assert find_usual(tmp_path) == []
    assert [files.folder for files in find_elsewhere(tmp_path)] == [tmp_path / place]


@pytest.mark.parametrize("place", ["synthetic-60/FashionMNIST/raw", ".trash", "converted/train"])
def test_folders_that_hold_no_data_of_the_user(tmp_path, place):
    """The files in there were drawn, deleted or converted."""
    write_set(tmp_path / place)
    assert find_usual(tmp_path) == find_elsewhere(tmp_path) == []


def test_folder_that_may_not_be_looked_into(tmp_path, monkeypatch):
    """A usual place is an error, another folder is passed over. Tests may run as root, so it is simulated."""
    write_set(tmp_path / "private")
    listdir = os.listdir

    def refuse(path):
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(DataError, match=r"can't be looked into \(Permission denied\), expected a folder"):
        find_in_folder(tmp_path / "private")
    assert find_elsewhere(tmp_path) == []


def test_beginning_of_file_names(tmp_path):
    """A path can name one of several sets in a folder."""
    for split in ("letters", "digits"):
        write_set(tmp_path, emnist_names(split))
    found = find_by_prefix(tmp_path / "emnist-letters")
    assert found is not None
    assert found.prefix == "emnist-letters-"
    assert find_by_prefix(tmp_path / "emnist") is None
    assert find_by_prefix(tmp_path) is None


@pytest.mark.parametrize(
    "name",
    [
        "MNIST/processed/training.pt",
        "processed/test.pt",
        "EMNIST/processed/training_letters.pt",
        "EMNIST/raw/gzip.zip",
        "fashion-mnist.npz",
        "fashion-mnist_train.csv",
        "FashionMNIST/raw/train-images-idx3-ubyte.zip",
    ],
)
def test_other_formats(tmp_path, name):
    """Archives and torchvision's old files are named."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    assert tmp_path / name in find_other_formats(tmp_path)


@pytest.mark.parametrize("name", ["cifar-10.tar.gz", "notes/mnist.txt", "mnist-runs.csv", "model.pt"])
def test_files_that_are_no_image_set(tmp_path, name):
    """A data folder holds many other things."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    assert find_other_formats(tmp_path) == []
