"""The synthetic set: its bytes, its statistics, and the accuracy of a model trained on it."""

import shutil

import numpy as np
import pytest
import torch

from loaders.data import idx, synthetic
from loaders.data.errors import DataError
from loaders.data.garments import draw_wardrobe
from loaders.data.idx_files import FILE_NAMES, file_names


@pytest.fixture(scope="module")
def clothes():
    return draw_wardrobe()


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The whole set, 60,000 and 10,000 samples."""
    folder = synthetic.prepare(tmp_path_factory.mktemp("data"), 60_000)[0].folder
    return {
        split: (idx.read_images(folder / images), idx.read_labels(folder / labels))
        for split, (images, labels) in (("train", file_names("train")), ("test", file_names("test")))
    }


def one_epoch(images, labels, test_images, test_labels):
    """Test accuracy of softmax regression after one epoch of SGD, learning rate 0.1, batches of 256."""
    weight, bias = torch.zeros(784, 10), torch.zeros(10)
    x = torch.from_numpy(images).flatten(1).float() / 255
    y = torch.nn.functional.one_hot(torch.from_numpy(labels).long(), 10).float()
    for rows in torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).split(256):
        error = torch.softmax(x[rows] @ weight + bias, 1) - y[rows]
        weight -= 0.1 / len(rows) * x[rows].T @ error
        bias -= 0.1 * error.mean(0)
    outputs = torch.from_numpy(test_images).flatten(1).float() / 255 @ weight + bias
    return (outputs.argmax(1) == torch.from_numpy(test_labels)).float().mean().item()


def test_bytes_are_the_same_everywhere(tmp_path):
    """The digest of a small set: a change here means that _VERSION has to change too."""
    _, digest = synthetic.prepare(tmp_path, 200)
    assert digest == "f58edf82f4ab7aa369751533c06751a85414098ad8a3c34e2929a9de3c2b0e78"


@pytest.mark.parametrize(("count", "tests"), [(1, 1), (5, 1), (13, 2), (1001, 166)])
def test_sizes(tmp_path, count, tests):
    """A sixth as many test samples, at least one; chunks need not be full."""
    folder = synthetic.prepare(tmp_path, count)[0].folder
    assert idx.read_images(folder / file_names("train")[0]).shape == (count, 28, 28)
    assert idx.read_labels(folder / file_names("test")[1]).shape == (tests,)


def test_has_the_size_of_the_real_one(full):
    """60,000 and 10,000 pictures of 28 by 28."""
    assert full["train"][0].shape == (60_000, 28, 28)
    assert full["test"][0].shape == (10_000, 28, 28)


def test_pixels_are_about_those_of_the_real_one(full):
    """Mean 0.286 and standard deviation 0.353 of the published set, and half of the pixels 0."""
    images = full["train"][0][::10]
    assert images.mean() / 255 == pytest.approx(0.286, abs=0.01)
    assert images.std() / 255 == pytest.approx(0.353, abs=0.01)
    assert (images == 0).mean() == pytest.approx(0.5, abs=0.03)


def test_labels_are_balanced_and_in_random_order(full):
    """As many of each class; the next label tells nothing of the last."""
    labels = full["train"][1]
    assert np.bincount(labels).tolist() == [6000] * 10
    assert (labels[1:] == labels[:-1]).mean() == pytest.approx(0.1, abs=0.01)


def test_no_picture_twice(full):
    """Training and test pictures all differ from each other."""
    pictures = {picture.tobytes() for images, _ in full.values() for picture in images}
    assert len(pictures) == 70_000


def test_learnable_but_not_trivial(full):
    """Softmax regression passes 0.75 in one epoch and stays well below 0.99, as on the real one."""
    assert 0.8 < one_epoch(*full["train"], *full["test"]) < 0.9


def test_small_sets_train_too(full):
    """2,000 samples, the start of the whole set, are enough to beat guessing by far."""
    images, labels = full["train"]
    assert one_epoch(images[:2000], labels[:2000], *full["test"]) > 0.4


def test_chunk_depends_on_split_and_number_only(clothes):
    """A chunk is the same whenever it is drawn; others differ, in labels as in pictures."""
    images, labels = synthetic.draw(clothes, "train", 3)
    again, labels_again = synthetic.draw(draw_wardrobe(), "train", 3)
    np.testing.assert_array_equal(again, images)
    np.testing.assert_array_equal(labels_again, labels)
    for split, chunk in (("test", 3), ("train", 4)):
        others, other_labels = synthetic.draw(clothes, split, chunk)
        assert not np.array_equal(others, images)
        assert not np.array_equal(other_labels, labels)


def test_smaller_set_is_the_start_of_a_larger_one(tmp_path):
    """Also across the border of a chunk."""
    small, large = (synthetic.prepare(tmp_path, count)[0].paths("train") for count in (1100, 2500))
    np.testing.assert_array_equal(idx.read_images(small[0]), idx.read_images(large[0])[:1100])
    np.testing.assert_array_equal(idx.read_labels(small[1]), idx.read_labels(large[1])[:1100])


def test_reused_when_there(tmp_path, monkeypatch):
    """The second time nothing is written, and the digest is the same."""
    first = synthetic.prepare(tmp_path, 50)
    assert first[0].folder == tmp_path / "synthetic-50" / "FashionMNIST" / "raw"
    monkeypatch.setattr(synthetic, "draw_wardrobe", lambda: pytest.fail("drawn again"))
    assert synthetic.prepare(tmp_path, 50) == first


def test_changed_pixel_is_found(tmp_path):
    """A set that isn't what was written is an error that says what to delete."""
    folder = synthetic.prepare(tmp_path, 50)[0].folder
    images = folder / FILE_NAMES[0]
    content = bytearray(images.read_bytes())
    content[1000] ^= 1
    images.write_bytes(content)
    with pytest.raises(DataError, match=r"50.*found '.*', expected '.*' as digest\.txt says; delete .*-50,"):
        synthetic.prepare(tmp_path, 50)


@pytest.mark.parametrize("name", [*FILE_NAMES, "digest.txt"])
def test_missing_file_is_found(tmp_path, name):
    """Whichever file is gone, the error names it and says what to delete."""
    folder = synthetic.prepare(tmp_path, 50)[0].folder
    (folder / name if name in FILE_NAMES else tmp_path / "synthetic-50" / name).unlink()
    with pytest.raises(
        DataError, match=f"{name}.*; delete the folder .*synthetic-50, and it is written anew"
    ):
        synthetic.prepare(tmp_path, 50)


def test_another_version_is_found(tmp_path, monkeypatch):
    """The set of an older release is refused."""
    synthetic.prepare(tmp_path, 50)
    monkeypatch.setattr(synthetic, "_VERSION", 2)
    with pytest.raises(DataError, match=r"found '\w+ version 2', expected '\w+ version 1'"):
        synthetic.prepare(tmp_path, 50)


def test_killed_writer_leaves_nothing_that_counts(tmp_path, monkeypatch):
    """The set appears whole or not at all."""

    def killed(clothes, split, chunk):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "draw", killed)
        with pytest.raises(KeyboardInterrupt):
            synthetic.prepare(tmp_path, 50)
    assert list(tmp_path.iterdir()) == []
    synthetic.prepare(tmp_path, 50)


def test_slower_of_two_writers_takes_what_is_there(tmp_path, monkeypatch):
    """Another process finishes the same set between this one's start and its rename."""
    _, digest = synthetic.prepare(tmp_path / "faster", 50)
    draw = synthetic.draw

    def overtaken(clothes, split, chunk):
        if split == "test":
            shutil.copytree(tmp_path / "faster" / "synthetic-50", tmp_path / "synthetic-50")
        return draw(clothes, split, chunk)

    monkeypatch.setattr(synthetic, "draw", overtaken)
    found, its_digest = synthetic.prepare(tmp_path, 50)
    assert found.folder == tmp_path / "synthetic-50" / "FashionMNIST" / "raw"
    assert its_digest == digest
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_others_may_read_the_folder(tmp_path):
    """The set is as readable as anything this user writes, though it was put together in private."""
    folder = synthetic.prepare(tmp_path, 50)[0].folder
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    assert (tmp_path / "synthetic-50").stat().st_mode == folder.stat().st_mode == ordinary.stat().st_mode


def test_place_that_cannot_be_written(tmp_path):
    """A file stands where the folder should be made."""
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/synthetic-50: can't be written .*expected a folder"):
        synthetic.prepare(tmp_path / "file", 50)


def test_full_disk_is_foreseen(tmp_path, monkeypatch):
    """A set that can't fit is refused before a byte is written."""
    usage = shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DataError, match=r"found 0\.0 GB free on the disk, expected 0\.1 GB"):
        synthetic.prepare(tmp_path, 60_000)
    assert list(tmp_path.iterdir()) == []


def test_refusal_leaves_no_folder(tmp_path, monkeypatch):
    """Folders above the set that were missing before are missing after a failure too."""
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DataError, match="GB free on the disk"):
        synthetic.prepare(tmp_path / "new" / "data", 50)
    assert list(tmp_path.iterdir()) == []
