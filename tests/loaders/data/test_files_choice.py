"""The choice between the sets under a folder, and its errors."""

import pytest

from loaders.data.errors import DataError
from loaders.data.files_choice import choose_files
from loaders.data.idx_files import FILE_NAMES
from tests.loaders.data.idx_sets import emnist_names, write_set


def choose(data_dir, fashion_only=False):
    return choose_files(data_dir, fashion_only=fashion_only)


@pytest.mark.parametrize("place", ["FashionMNIST/raw", "FashionMNIST", "raw", "."])
def test_usual_place_needs_no_notice(tmp_path, place):
    """The files that were asked for are read."""
    choice = choose(write_set(tmp_path / "data" / place) and tmp_path / "data")
    assert choice.files.folder == tmp_path / "data" / place
    assert choice.notice is None


@pytest.mark.parametrize("place", ["fashion", "Fashion_MNIST/raw", "mine", "below/FashionMNIST/raw"])
def test_the_only_set_is_taken_with_a_notice(tmp_path, place):
    """It says which folder."""
    write_set(tmp_path / place)
    choice = choose(tmp_path)
    assert choice.files.folder == tmp_path / place
    assert choice.notice == f"The data come from {tmp_path / place}."


@pytest.mark.parametrize(
    ("place", "names", "found", "option"),
    [
        ("MNIST/raw", FILE_NAMES, "MNIST in {}", "MNIST"),
        ("KMNIST/raw", FILE_NAMES, "KMNIST in {}", "KMNIST"),
        ("EMNIST/raw", emnist_names("letters"), "EMNIST letters in {}", "EMNIST/raw/emnist-letters"),
        ("x/MNIST/raw", FILE_NAMES, "MNIST in {}", "x/MNIST"),
    ],
)
def test_another_dataset_beside(tmp_path, place, names, found, option):
    """It is never taken for Fashion-MNIST; the error says how to read it, and that option does."""
    write_set(tmp_path / place, names)
    with pytest.raises(DataError) as caught:
        choose(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: found {found.format(tmp_path / place)}, expected Fashion-MNIST; --data-dir "
        f"{tmp_path / option} reads it, --dataset fashion-mnist downloads Fashion-MNIST, "
        f"--dataset synthetic needs no files"
    )
    assert choose(tmp_path / option).files.folder == tmp_path / place
    assert choose(tmp_path / option).notice is None
    assert choose(tmp_path / place).files.folder == tmp_path / place
    assert choose(tmp_path, fashion_only=True) is None


def test_fashion_mnist_goes_before_others(tmp_path):
    """The notice names the other one, and the option that reads it."""
    write_set(tmp_path / "FashionMNIST" / "raw")
    write_set(tmp_path / "MNIST" / "raw")
    choice = choose(tmp_path)
    assert choice.files.folder == tmp_path / "FashionMNIST" / "raw"
    assert choice.notice == (
        f"The data come from {choice.files.folder}. Also found MNIST in {tmp_path / 'MNIST' / 'raw'}: "
        f"--data-dir {tmp_path / 'MNIST'} reads it."
    )
    assert choose(tmp_path, fashion_only=True).notice is None


def test_several_others(tmp_path):
    """One line names them all."""
    write_set(tmp_path / "MNIST" / "raw")
    write_set(tmp_path / "mine")
    says = (
        r"found MNIST in \S*raw and an unnamed set in \S*mine, expected one set; --data-dir \S*/MNIST or "
        r"\S*mine reads one of them"
    )
    with pytest.raises(DataError, match=says):
        choose(tmp_path)


def test_several_splits_in_one_folder(tmp_path):
    """One alone is read; of several the beginning of the names tells which."""
    raw = tmp_path / "EMNIST" / "raw"
    write_set(raw, emnist_names("letters"), labels=range(1, 27))
    assert choose(tmp_path / "EMNIST").files.prefix == "emnist-letters-"
    write_set(raw, emnist_names("digits"))
    with pytest.raises(
        DataError,
        match=r"EMNIST: found EMNIST digits in \S+ and EMNIST letters in \S+, expected one set; --data-dir "
        r"\S+raw/emnist-digits or \S+raw/emnist-letters reads one of them, --dataset synthetic needs",
    ):
        choose(tmp_path / "EMNIST")
    assert choose(raw / "emnist-letters").files.prefix == "emnist-letters-"


def test_files_without_a_prefix_are_the_folders_own(tmp_path):
    """The notice names the others beside them."""
    write_set(tmp_path)
    write_set(tmp_path, emnist_names("digits"))
    choice = choose(tmp_path)
    assert choice.files.prefix == ""
    assert f"--data-dir {tmp_path / 'emnist-digits'} reads" in choice.notice


@pytest.mark.parametrize("place", ["FashionMNIST/raw", "mine"])
@pytest.mark.parametrize("fashion_only", [False, True])
def test_half_a_set(tmp_path, place, fashion_only):
    """Files of one split: the error names the missing ones."""
    write_set(tmp_path / place)
    for name in FILE_NAMES[2:]:
        (tmp_path / place / name).unlink()
    if place == "mine" and fashion_only:
        assert choose(tmp_path, fashion_only=True) is None
        return
    with pytest.raises(DataError, match=f"{', '.join(FILE_NAMES[2:])}: missing, found"):
        choose(tmp_path, fashion_only)


def test_nothing_there(tmp_path):
    """Other data can take the place of none."""
    assert choose(tmp_path) is choose(tmp_path / "none") is None


def test_processed_files_of_old_torchvision(tmp_path):
    """The error says what they are."""
    folder = tmp_path / "MNIST" / "processed"
    folder.mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        (folder / name).touch()
    says = (
        r"found \S+test.pt and \S+training.pt \(an old version of torchvision made it from IDX files\), exp"
    )
    with pytest.raises(DataError, match=says):
        choose(tmp_path)
    assert choose(tmp_path, fashion_only=True) is None


def test_many_sets_are_not_all_named(tmp_path):
    """The line stays readable."""
    for number in range(9):
        write_set(tmp_path / f"set{number}")
    with pytest.raises(DataError, match=r"in \S+set5 and 3 more, expected one set; .*set5 or 3 more reads"):
        choose(tmp_path)
