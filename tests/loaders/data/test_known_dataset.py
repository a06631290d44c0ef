"""Names of classes, by the place and the labels of a set."""

import pytest
from torchvision.datasets import EMNIST, KMNIST, FashionMNIST

from loaders.data.idx_finder import find_in_folder
from loaders.data.known_dataset import FASHION_MNIST, identify, name_classes
from tests.loaders.data.idx_sets import QMNIST_NAMES, emnist_names, write_set


def test_clothes_are_those_of_torchvision():
    """The ten names agree, in their order; only `/top` is dropped."""
    assert list(FASHION_MNIST.classes) == [name.lower().removesuffix("/top") for name in FashionMNIST.classes]


@pytest.mark.parametrize("split", EMNIST.splits)
def test_classes_of_emnist_are_those_of_torchvision(tmp_path, split):
    """Each split has its own, known by the names of its files."""
    [files] = find_in_folder(write_set(tmp_path, emnist_names(split)))
    known = identify(files)
    assert known is not None
    assert known.name == f"EMNIST {split}"
    assert list(known.classes) == EMNIST.classes_split_dict[split]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("MNIST/raw", "MNIST"),
        ("KMNIST", "KMNIST"),
        ("kmnist/raw", "KMNIST"),
        ("FashionMNIST/raw", "Fashion-MNIST"),
        ("data/fashion", "Fashion-MNIST"),
        ("EMNIST/raw", "EMNIST"),
        ("emnist-letters", "EMNIST letters"),
        ("raw", None),
        ("mine", None),
    ],
)
def test_folders(tmp_path, place, name):
    """The folder's name, or that above `raw`, says what its files are."""
    [files] = find_in_folder(write_set(tmp_path / "some" / place))
    known = identify(files)
    assert (known and known.name) == name


def test_file_names_go_before_the_folder(tmp_path):
    """QMNIST's files in MNIST's folder are QMNIST."""
    [files] = find_in_folder(write_set(tmp_path / "MNIST" / "raw", QMNIST_NAMES))
    assert identify(files).name == "QMNIST"


def test_class_names(tmp_path):
    """Digits, kana and numbers; clothes only for the published files."""
    digits = tuple("0123456789")

    def named(place, highest):
        [files] = find_in_folder(write_set(tmp_path / place))
        return name_classes(identify(files), highest)

    assert named("MNIST", 5) == digits
    assert list(named("KMNIST", 9)) == KMNIST.classes
    assert named("FashionMNIST", 9) == digits
    assert named("mine", 3) == ("0", "1", "2", "3")
    assert named("mine", 0) == ("0", "1")
    assert len(named("mine", 255)) == 256
    assert named("KMNIST", 10) == (*digits, "10")
