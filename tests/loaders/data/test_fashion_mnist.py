"""Which data a run gets, and by which name."""

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

from loaders.data import fashion_mnist, idx, synthetic
from loaders.data.errors import DataError
from loaders.data.fashion_mnist import CLASSES, expected_samples, locate
from tests.paths import REAL


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
    monkeypatch.setattr(fashion_mnist, "_TRAIN_SAMPLES", 60)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Some valid IDX files, packed and plain."""
    folder, _ = synthetic.locate(tmp_path_factory.mktemp("drawn"), 60)
    for name in idx.NAMES:
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes(), mtime=0))
    return folder


@pytest.fixture
def raw(drawn, tmp_path):
    """Those files where torchvision would keep them: under `data`."""
    return Path(shutil.copytree(drawn, tmp_path / "data" / "FashionMNIST" / "raw"))


@pytest.fixture
def data(raw):
    return raw.parent.parent


def delete(raw, *, packed):
    """Delete the .gz files, or else the plain ones."""
    for name in idx.NAMES:
        (raw / (f"{name}.gz" if packed else name)).unlink()


def publish(monkeypatch, drawn):
    """Have torchvision name these files as the published ones."""
    md5s = [(f"{n}.gz", hashlib.md5((drawn / f"{n}.gz").read_bytes()).hexdigest()) for n in idx.NAMES]
    monkeypatch.setattr(FashionMNIST, "resources", md5s)


def publish_unpacked(monkeypatch, drawn):
    digests = tuple(hashlib.sha256((drawn / name).read_bytes()).hexdigest() for name in idx.NAMES)
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


def test_classes_are_those_of_torchvision():
    """The same ten in the same order, in the words people use."""
    assert list(CLASSES) == [name.lower().removesuffix("/top") for name in FashionMNIST.classes]


def test_unpacked_digests_are_not_those_of_mnist():
    """MNIST's files have the same names and sizes; this is the digest of its training images."""
    assert "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db" not in (
        fashion_mnist._UNPACKED_SHA256
    )
    assert len({*fashion_mnist._UNPACKED_SHA256}) == 4


@pytest.mark.parametrize("split", ["train", "test"])
def test_reads_what_torchvision_reads(split):
    """The same pixels and labels, from the same files."""
    source = locate("auto", REAL, notify=silent).read(split)
    expected = FashionMNIST(REAL, train=split == "train")
    assert torch.equal(source.images, expected.data)
    assert torch.equal(source.labels, expected.targets)
    assert source.classes == CLASSES


def test_real_pictures_that_are_not_the_published_files():
    """900 of them are named by their digest."""
    folder = REAL / "FashionMNIST" / "raw"
    digest = hashlib.sha256(b"".join((folder / name).read_bytes() for name in idx.NAMES)).hexdigest()
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
    digests = [hashlib.sha256((drawn / name).read_bytes()).hexdigest() for name in idx.NAMES]
    monkeypatch.setattr(fashion_mnist, "_UNPACKED_SHA256", (*digests[:2], "?", "?"))
    (raw / f"{idx.NAMES[0]}.gz").unlink()
    (raw / f"{idx.NAMES[1]}.gz").write_bytes(gzip.compress((raw / idx.NAMES[1]).read_bytes(), 1, mtime=1))
    assert locate("auto", data, notify=silent).name == "fashion-mnist"


def test_md5_tells_nothing_once_the_gz_is_gone(data, raw, drawn, monkeypatch):
    """Plain files of which nothing is known are named by their digest."""
    publish(monkeypatch, drawn)
    delete(raw, packed=True)
    assert locate("auto", data, notify=silent).name.startswith("idx-")


@pytest.mark.parametrize("changed", idx.NAMES)
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
    with pytest.raises(DataError, match=rf"found other files than the published .* as {found.name}, ask for"):
        locate("fashion-mnist", data, notify=silent)


def test_swapped_plain_file_beside_published_gz(data, raw, drawn, monkeypatch):
    """The MD5 of the .gz can't vouch for a plain file that isn't what it holds."""
    publish(monkeypatch, drawn)
    content = bytearray((raw / idx.NAMES[2]).read_bytes())
    content[-1] ^= 1
    (raw / idx.NAMES[2]).write_bytes(content)
    with pytest.raises(DataError, match=rf"{idx.NAMES[2]}: found other bytes"):
        locate("auto", data, notify=silent)


@pytest.mark.parametrize("place", ["FashionMNIST/raw", "raw", "."])
def test_places(drawn, tmp_path, place):
    """Where torchvision keeps them, or less deep."""
    shutil.copytree(drawn, tmp_path / place, dirs_exist_ok=True)
    found = locate("auto", tmp_path, notify=silent)
    assert found.folder == tmp_path / place
    assert len(found.read("test")) == 10


def test_place_of_torchvision_goes_first(raw, data):
    """Files less deep don't stand in for those that torchvision would read."""
    (data / "raw").mkdir()
    (data / "raw" / idx.NAMES[0]).touch()
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
    for path in (raw / idx.NAMES[3], raw / f"{idx.NAMES[3]}.gz"):
        path.unlink()
    with serving(drawn) as url, pytest.raises(DataError, match=rf"{idx.NAMES[3]}: missing, .*expected all"):
        locate(dataset, data, notify=silent, mirror=url)


def test_truncated_file_is_an_error_with_auto_too(data, raw):
    """Damaged data isn't replaced by other data."""
    delete(raw, packed=True)
    os.truncate(raw / idx.NAMES[0], 1000)
    with pytest.raises(DataError, match=rf"{idx.NAMES[0]}: found 984 bytes after the header, expected 47040"):
        locate("auto", data, notify=silent)


@pytest.mark.parametrize("dataset", ["auto", "fashion-mnist"])
def test_download(tmp_path, drawn, monkeypatch, dataset):
    """What was downloaded is Fashion-MNIST, and needs no server the next time, nor torchvision's help."""
    publish(monkeypatch, drawn)
    with serving(drawn) as url:
        found = locate(dataset, tmp_path / "new" / "data", notify=silent, mirror=url)
    assert found.name == "fashion-mnist"
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


@pytest.mark.parametrize(("dataset", "train", "test"), [("synthetic:12", 12, 2), ("synthetic", 60, 10)])
def test_synthetic_on_request(tmp_path, small, monkeypatch, dataset, train, test):
    """No notice, no network, and its own name and digest."""
    monkeypatch.setattr(fashion_mnist, "_download", lambda *_: pytest.fail("tried to download"))
    found = locate(dataset, tmp_path, notify=silent)
    assert found.name == f"synthetic:{train}"
    assert (len(found.read("train")), len(found.read("test"))) == (train, test)
    assert found.digest == idx.check(found.folder, 10).whole
    assert found.classes == CLASSES


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
