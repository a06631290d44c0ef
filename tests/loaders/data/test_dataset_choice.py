"""The data that a run gets, and their name."""

import functools
import gzip
import hashlib
import http.server
import os
import re
import shutil
import socket
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch
from torchvision.datasets import FashionMNIST

from loaders.data import fashion_mnist, synthetic
from loaders.data.dataset_choice import expected_samples, locate
from loaders.data.errors import DataError
from loaders.data.idx_files import FILE_NAMES, IdxFiles
from loaders.data.known_dataset import FASHION_MNIST
from tests.loaders.data.idx_sets import DOTTED_NAMES, QMNIST_NAMES, emnist_names, write_set
from tests.paths import REAL

DIGITS = tuple("0123456789")


def silent(notice):
    pytest.fail(f"an unexpected notice: {notice}")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """No test asks the real mirror: nobody listens at the one that torchvision is made to name."""
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(FashionMNIST, "mirrors", [url])


@pytest.fixture
def small(monkeypatch):
    """The set that replaces a failed download, small enough for a test."""
    monkeypatch.setattr(fashion_mnist, "TRAIN_SAMPLES", 60)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Some valid IDX files, packed and plain."""
    folder = synthetic.prepare(tmp_path_factory.mktemp("drawn"), 60)[0].folder
    for name in FILE_NAMES:
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes(), mtime=0))
    return folder


@pytest.fixture
def raw(drawn, tmp_path):
    """The drawn files in the place of torchvision, under `data`."""
    return Path(shutil.copytree(drawn, tmp_path / "data" / "FashionMNIST" / "raw"))


@pytest.fixture
def data(raw):
    return raw.parent.parent


def delete(raw, *, packed):
    """Delete the .gz files, or else the plain ones."""
    for name in FILE_NAMES:
        (raw / (f"{name}.gz" if packed else name)).unlink()


def publish(monkeypatch, drawn):
    """Have torchvision name these files as the published ones."""
    md5s = [(f"{n}.gz", hashlib.md5((drawn / f"{n}.gz").read_bytes()).hexdigest()) for n in FILE_NAMES]
    monkeypatch.setattr(FashionMNIST, "resources", md5s)


def publish_unpacked(monkeypatch, drawn):
    digests = tuple(hashlib.sha256((drawn / name).read_bytes()).hexdigest() for name in FILE_NAMES)
    monkeypatch.setattr(fashion_mnist, "_UNPACKED_SHA256", digests)


@contextmanager
def serving(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_unpacked_digests_are_not_those_of_mnist():
    """MNIST's files have the same names and sizes; this is the digest of its training images."""
    assert "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db" not in (
        fashion_mnist._UNPACKED_SHA256
    )
    assert len({*fashion_mnist._UNPACKED_SHA256}) == 4


@pytest.mark.parametrize("split", ["train", "test"])
def test_reads_what_torchvision_reads(split):
    """Pixels and labels equal those of torchvision."""
    source = locate("auto", REAL, notify=silent).read(split)
    expected = FashionMNIST(REAL, train=split == "train")
    assert torch.equal(source.images, expected.data)
    assert torch.equal(source.labels, expected.targets)
    # Clothes are the published files' only.
    assert source.classes == DIGITS


def test_real_pictures_that_are_not_the_published_files():
    """900 of them are named by their digest."""
    folder = REAL / "FashionMNIST" / "raw"
    digest = hashlib.sha256(b"".join((folder / name).read_bytes() for name in FILE_NAMES)).hexdigest()
    found = locate("auto", REAL, notify=silent)
    assert (found.name, found.digest, found.folder) == (f"idx-{digest[:8]}", digest, folder)
    assert found.read("train").name == found.name


def test_published_by_md5(data, raw, drawn, monkeypatch):
    """Files whose .gz have the published MD5 are Fashion-MNIST, with and without the plain ones."""
    publish(monkeypatch, drawn)
    assert locate("auto", data, notify=silent).name == "fashion-mnist"
    delete(raw, packed=False)
    assert locate("fashion-mnist", data, notify=silent).name == "fashion-mnist"


def test_published_by_digest(data, raw, drawn, monkeypatch):
    """Without any .gz the plain files' own digests tell."""
    publish_unpacked(monkeypatch, drawn)
    delete(raw, packed=True)
    assert locate("fashion-mnist", data, notify=silent).name == "fashion-mnist"


def test_published_each_by_what_there_is(data, raw, drawn, monkeypatch):
    """One .gz deleted, and another packed anew: each file is known by its MD5 or by its digest."""
    publish(monkeypatch, drawn)
    digests = [hashlib.sha256((drawn / name).read_bytes()).hexdigest() for name in FILE_NAMES]
    monkeypatch.setattr(fashion_mnist, "_UNPACKED_SHA256", (*digests[:2], "?", "?"))
    (raw / f"{FILE_NAMES[0]}.gz").unlink()
    (raw / f"{FILE_NAMES[1]}.gz").write_bytes(gzip.compress((raw / FILE_NAMES[1]).read_bytes(), 1, mtime=1))
    assert locate("auto", data, notify=silent).name == "fashion-mnist"


def test_md5_needs_the_gz(data, raw, drawn, monkeypatch):
    """Plain files of which nothing is known are named by their digest."""
    publish(monkeypatch, drawn)
    delete(raw, packed=True)
    assert locate("auto", data, notify=silent).name.startswith("idx-")


@pytest.mark.parametrize("changed", FILE_NAMES)
@pytest.mark.parametrize("packed", [True, False], ids=["gz", "plain"])
def test_one_other_file_is_another_set(data, raw, drawn, monkeypatch, changed, packed):
    """Three published files and a fourth that is valid but isn't: never called Fashion-MNIST."""
    publish(monkeypatch, drawn)
    publish_unpacked(monkeypatch, drawn)
    delete(raw, packed=not packed)
    path = raw / (f"{changed}.gz" if packed else changed)
    content = bytearray((drawn / changed).read_bytes())
    content[-1] = (content[-1] + 1) % 10
    path.write_bytes(gzip.compress(content) if packed else content)
    found = locate("auto", data, notify=silent)
    assert found.name == f"idx-{found.digest[:8]}"
    with pytest.raises(
        DataError, match=rf"found other files than the published .*--dataset auto reads them as {found.name}"
    ):
        locate("fashion-mnist", data, notify=silent)


def test_swapped_plain_file_beside_published_gz(data, raw, drawn, monkeypatch):
    """The MD5 of the .gz can't vouch for a plain file that isn't what it holds."""
    publish(monkeypatch, drawn)
    content = bytearray((raw / FILE_NAMES[2]).read_bytes())
    content[-1] ^= 1
    (raw / FILE_NAMES[2]).write_bytes(content)
    with pytest.raises(DataError, match=rf"{FILE_NAMES[2]}: found other bytes"):
        locate("auto", data, notify=silent)


@pytest.mark.parametrize("place", ["FashionMNIST/raw", "raw", "."])
def test_places(drawn, tmp_path, place):
    """The place of torchvision and the ones above it."""
    shutil.copytree(drawn, tmp_path / place, dirs_exist_ok=True)
    found = locate("auto", tmp_path, notify=silent)
    assert found.folder == tmp_path / place
    assert len(found.read("test")) == 10


def test_place_of_torchvision_goes_first(raw, data):
    """Files less deep don't stand in for those that torchvision would read."""
    (data / "raw").mkdir()
    (data / "raw" / FILE_NAMES[0]).touch()
    assert locate("auto", data, notify=silent).folder == raw


def test_nothing_is_written_beside_a_users_files(data, raw):
    """Packed files stay packed."""
    delete(raw, packed=False)
    before = sorted(data.rglob("*"))
    locate("auto", data, notify=silent).read("train")
    assert sorted(data.rglob("*")) == before


@pytest.mark.parametrize("dataset", ["auto", "fashion-mnist"])
def test_some_files_missing(data, raw, drawn, dataset, tmp_path):
    """No download and no synthetic set on top of what is there: an error that names what is missing."""
    for path in (raw / FILE_NAMES[3], raw / f"{FILE_NAMES[3]}.gz"):
        path.unlink()
    with serving(drawn) as url, pytest.raises(DataError, match=rf"{FILE_NAMES[3]}: missing, .*expected all"):
        locate(dataset, data, notify=silent, mirror=url)


def test_truncated_file_is_an_error_with_auto_too(data, raw):
    """Damaged data isn't replaced by other data."""
    delete(raw, packed=True)
    os.truncate(raw / FILE_NAMES[0], 1000)
    with pytest.raises(
        DataError, match=rf"{FILE_NAMES[0]}: found 984 bytes after the header, expected 47040"
    ):
        locate("auto", data, notify=silent)


@pytest.mark.parametrize("dataset", ["auto", "fashion-mnist"])
def test_download(tmp_path, drawn, monkeypatch, dataset):
    """Downloaded files are Fashion-MNIST, and the next run needs no server."""
    publish(monkeypatch, drawn)
    with serving(drawn) as url:
        found = locate(dataset, tmp_path / "new" / "data", notify=silent, mirror=url)
    assert (found.name, found.classes) == ("fashion-mnist", FASHION_MNIST.classes)
    assert found.folder == tmp_path / "new" / "data" / "FashionMNIST" / "raw"
    assert len(list(found.folder.iterdir())) == 8
    assert locate(dataset, tmp_path / "new" / "data", notify=silent) == found
    assert len(FashionMNIST(tmp_path / "new" / "data").data) == 60


@pytest.mark.parametrize("answers", ["first", "last"])
def test_mirrors_of_torchvision_are_tried_in_turn(tmp_path, drawn, monkeypatch, answers):
    """One of two that answers is enough."""
    publish(monkeypatch, drawn)
    [silent_one] = FashionMNIST.mirrors
    with serving(drawn) as url:
        mirrors = [url, silent_one] if answers == "first" else [silent_one, url]
        monkeypatch.setattr(FashionMNIST, "mirrors", mirrors)
        assert locate("auto", tmp_path, notify=silent).name == "fashion-mnist"


def test_auto_falls_back_with_a_notice(tmp_path, small):
    """Without files and network: the synthetic set, why, and how to get the real one."""
    notices = []
    found = locate("auto", tmp_path, notify=notices.append)
    assert found.name == "synthetic:60"
    assert found.folder == tmp_path / "synthetic-60" / "FashionMNIST" / "raw"
    [notice] = notices
    assert re.search(r"^Not Fashion-MNIST: .*synthetic.*connection refused.*put train-images", notice)
    assert "\n" not in notice
    assert [path.name for path in tmp_path.iterdir()] == ["synthetic-60"]


def test_wrong_download_is_not_kept(tmp_path, drawn, small):
    """A mirror with other files than the published ones: the same as none."""
    notices = []
    with serving(drawn) as url:
        assert locate("auto", tmp_path, notify=notices.append, mirror=url).name == "synthetic:60"
    assert re.search(r"train-images-idx3-ubyte\.gz: found the MD5 \w+ .*expected 8d4fb7e6", notices[0])


def test_insisting_without_network(tmp_path):
    """An error with the URL, the reason and what to do by hand."""
    says = (
        r"http://127\.0\.0\.1:\d+/train-images-idx3-ubyte\.gz: connection refused; put train-images-.*raw, or"
    )
    with pytest.raises(DataError, match=says):
        locate("fashion-mnist", tmp_path, notify=silent)
    assert list(tmp_path.iterdir()) == []


def test_refused_download_leaves_no_folder(tmp_path):
    """A data folder that was missing before is missing afterwards."""
    with pytest.raises(DataError, match="connection refused"):
        locate("fashion-mnist", tmp_path / "new" / "data", notify=silent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("dataset", "train", "test"), [("synthetic:12", 12, 2), ("synthetic", 60, 10)])
def test_synthetic_on_request(tmp_path, small, monkeypatch, dataset, train, test):
    """No notice, no network, and its own name and digest."""
    monkeypatch.setattr(fashion_mnist, "download_fashion_mnist", lambda *_: pytest.fail("tried to download"))
    found = locate(dataset, tmp_path, notify=silent)
    assert found.name == f"synthetic:{train}"
    assert (len(found.read("train")), len(found.read("test"))) == (train, test)
    assert found.digest == IdxFiles.unpacked_in(found.folder).check().digest
    assert found.classes == FASHION_MNIST.classes


def test_synthetic_whatever_else_is_there(data):
    """Files under the folder don't stand in for the set that was asked for."""
    assert locate("synthetic:12", data, notify=silent).name == "synthetic:12"


@pytest.mark.parametrize(
    "dataset",
    [
        "",
        "mnist",
        "AUTO",
        "synthetic:",
        "synthetic:0",
        "synthetic:-3",
        "synthetic:abc",
        "synthetic:1.5",
        "synthetic:007",
        "synthetic:٣",
        "synthetic:12\n",
        "synthetic:9999999999",
    ],
)
def test_unknown_dataset(tmp_path, dataset):
    """The error says what was given and what is allowed."""
    says = f"dataset {re.escape(repr(dataset))} is unknown, expected auto, fashion-mnist, synthetic or syn"
    with pytest.raises(DataError, match=says):
        locate(dataset, tmp_path, notify=silent)
    with pytest.raises(DataError, match=says):
        expected_samples(dataset, tmp_path)


@pytest.mark.parametrize("dataset", ["auto", "fashion-mnist", "synthetic:12"])
@pytest.mark.parametrize("below", ["", "deeper"])
def test_folder_that_is_a_file(tmp_path, dataset, below):
    """A file where the folder, or one above it, should be."""
    (tmp_path / "file").touch()
    with pytest.raises(
        DataError, match=r"file\S*: can't be looked into \(Not a directory\), expected a folder"
    ):
        locate(dataset, tmp_path / "file" / below, notify=silent)


@pytest.mark.parametrize("dataset", ["auto", "synthetic:12"])
def test_folder_that_cannot_be_written(tmp_path, monkeypatch, dataset):
    """Tests may run as root, whom rights don't stop: the refusal is played."""

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(
        DataError, match=r"synthetic-\d+: can't be written \(Permission denied\), expected a fol"
    ):
        locate(dataset, tmp_path, notify=silent)


@pytest.mark.parametrize(
    ("dataset", "there", "expected"),
    [("auto", True, 60), ("auto", False, 60_000), ("synthetic", True, 60_000), ("synthetic:12", True, 12)],
)
def test_expected_samples(data, raw, monkeypatch, dataset, there, expected):
    """Known beforehand: neither a download nor a file is needed."""
    if not there:
        shutil.rmtree(raw)
    before = sorted(data.rglob("*"))
    assert expected_samples(dataset, data) == expected
    assert sorted(data.rglob("*")) == before


@pytest.mark.parametrize("names", [DOTTED_NAMES, [f"{name}.bin" for name in FILE_NAMES]])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_files_under_other_names(tmp_path, names, packed):
    """Dotted names, other endings, and gzip content without .gz are read like the published names."""
    write_set(tmp_path / "FashionMNIST" / "raw", names, packed=packed)
    found = locate("auto", tmp_path, notify=silent)
    assert found.name == f"idx-{found.digest[:8]}"
    assert (len(found.read("train")), len(found.read("test"))) == (20, 5)
    assert expected_samples("auto", tmp_path) == 20


@pytest.mark.parametrize(
    ("place", "names", "labels", "classes"),
    [
        ("MNIST", FILE_NAMES, range(10), DIGITS),
        ("QMNIST", QMNIST_NAMES, range(10), DIGITS),
        ("KMNIST", FILE_NAMES, range(10), ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
        ("EMNIST", emnist_names("letters"), range(1, 27), ("N/A", *"abcdefghijklmnopqrstuvwxyz")),
        ("mine", FILE_NAMES, (0, 200), tuple(map(str, range(201)))),
    ],
)
def test_relatives_of_mnist(tmp_path, place, names, labels, classes):
    """The folder that is named is read, and its classes have their own names."""
    write_set(tmp_path / place / "raw", names, labels=labels)
    found = locate("auto", tmp_path / place, notify=silent)
    assert found.name.startswith("idx-")
    assert found.classes == classes
    expected = torch.tensor([labels[n % len(labels)] for n in range(20)])
    assert torch.equal(found.read("train").labels, expected)


def test_labels_beyond_the_known_classes(tmp_path):
    """Classes are numbered, and a notice says why."""
    write_set(tmp_path / "KMNIST" / "raw", labels=range(12))
    notices = []
    found = locate("auto", tmp_path / "KMNIST", notify=notices.append)
    assert found.classes == tuple(map(str, range(12)))
    assert [re.sub(r"\S*/", "", notice) for notice in notices] == [
        "raw has labels up to 11, more than the 10 classes of KMNIST: the classes are numbered."
    ]


def test_other_dataset_is_not_replaced(tmp_path, monkeypatch):
    """Neither by a download nor by synthetic pictures, unless another set is asked for by name."""
    write_set(tmp_path / "MNIST" / "raw")
    monkeypatch.setattr(fashion_mnist, "TRAIN_SAMPLES", 60)
    before = sorted(tmp_path.rglob("*"))
    for ask in (lambda: locate("auto", tmp_path, notify=silent), lambda: expected_samples("auto", tmp_path)):
        with pytest.raises(
            DataError, match=r"found MNIST in \S*MNIST/raw, expected Fashion-MNIST; --data-dir"
        ):
            ask()
    assert sorted(tmp_path.rglob("*")) == before
    assert locate("synthetic:12", tmp_path, notify=silent).name == "synthetic:12"
    with pytest.raises(DataError, match="connection refused"):
        locate("fashion-mnist", tmp_path, notify=silent)


def test_pointer_file_of_git_lfs(tmp_path):
    """A clone without git-lfs holds pointers instead of data."""
    raw = write_set(tmp_path / "FashionMNIST" / "raw")
    (raw / FILE_NAMES[0]).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 5\n")
    for ask in (lambda: locate("auto", tmp_path, notify=silent), lambda: expected_samples("auto", tmp_path)):
        with pytest.raises(DataError, match=rf"{FILE_NAMES[0]}: found a git-LFS pointer \(git lfs pull"):
            ask()


def test_unknown_files_in_the_folder_of_fashion_mnist(tmp_path, small):
    """They are named, and nothing else is measured instead."""
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    (folder / "pictures.dat").touch()
    with pytest.raises(DataError, match=r"raw: found pictures\.dat, expected the files of Fashion-MNIST"):
        locate("auto", tmp_path, notify=silent)


def test_notice_of_the_choice(tmp_path):
    """It reaches the user."""
    write_set(tmp_path / "mine")
    notices = []
    assert locate("auto", tmp_path, notify=notices.append).folder == tmp_path / "mine"
    assert notices == [f"The data come from {tmp_path / 'mine'}."]


def test_home_folder(tmp_path, monkeypatch):
    """`~` is the home folder; without a home it is an error."""
    monkeypatch.setenv("HOME", str(tmp_path))
    raw = write_set(tmp_path / "data" / "FashionMNIST" / "raw")
    assert locate("auto", Path("~/data"), notify=silent).folder == raw
    assert expected_samples("auto", Path("~/data")) == 20
    with pytest.raises(DataError, match=r"~nobody\S*/data: can't be found \(.*\), expected a folder"):
        locate("auto", Path("~nobody-of-this-name/data"), notify=silent)


@pytest.fixture
def read_only(monkeypatch):
    """Make every folder under a path read-only. Tests may run as root, so it is simulated."""

    def protect(root):
        access = os.access
        monkeypatch.setattr(
            os, "access", lambda path, mode: not Path(path).is_relative_to(root) and access(path, mode)
        )

    return protect


def test_read_only_data(tmp_path, monkeypatch, read_only):
    """Conversions go to the cache, and a notice says so; nothing is made before a loader needs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    raw = write_set(tmp_path / "data" / "FashionMNIST" / "raw")
    read_only(tmp_path / "data")
    notices = []
    found = locate("auto", tmp_path / "data", notify=notices.append)
    converted = tmp_path / "cache" / "loaderbench" / "converted" / found.digest[:16]
    assert notices == [f"{raw} can't be written: files that loaders make of the data go to {converted}."]
    assert found.read("train").folder == converted / "train"
    assert not (tmp_path / "cache").exists()


def test_read_only_data_with_conversions(tmp_path, monkeypatch, read_only):
    """Conversions that lie beside the data are used."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    raw = write_set(tmp_path / "data" / "FashionMNIST" / "raw")
    (raw / "converted").mkdir()
    read_only(tmp_path / "data")
    found = locate("auto", tmp_path / "data", notify=silent)
    assert found.read("train").folder == raw / "converted" / "train"


def test_read_only_data_and_no_home(tmp_path, monkeypatch, read_only):
    """Without a cache the place stays, and a loader that needs it says so."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    raw = write_set(tmp_path / "data" / "FashionMNIST" / "raw")
    read_only(tmp_path / "data")
    found = locate("auto", tmp_path / "data", notify=silent)
    assert found.read("train").folder == raw / "converted" / "train"
