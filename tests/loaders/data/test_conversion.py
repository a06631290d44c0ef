"""Conversions: made once, whole or not at all, checked, used again."""

from __future__ import annotations

import errno
import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from loaders.data.conversion import MANIFEST, Conversion
from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit
from tests.fakes import numbered_source


def write(source: ImageSplit, folder: Path, progress) -> None:
    (folder / "deep").mkdir()
    (folder / "images").write_bytes(source.images.numpy().tobytes())
    (folder / "deep" / "labels").write_bytes(source.labels.numpy().tobytes())
    with (folder.parent / "writings").open("a") as log:
        log.write("written\n")
    progress(len(source), len(source))


COPY = Conversion("copy", 1, write)


@pytest.fixture
def source(tmp_path: Path) -> ImageSplit:
    return numbered_source(10, folder=tmp_path / "made")


def writings(source: ImageSplit) -> int:
    return len((source.folder / "writings").read_text().splitlines())


def test_it_is_made_once(source: ImageSplit) -> None:
    """Beside the data, with progress, and found again."""
    shown = []
    folder = COPY.prepare(source, lambda done, of: shown.append((done, of)))
    assert (folder / "images").read_bytes() == source.images.numpy().tobytes()
    assert folder.parent == source.folder
    assert shown == [(10, 10)]
    assert COPY.prepare(source) == COPY.prepare(source, verify=True) == folder
    assert writings(source) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"digest": "1" * 64},
        {"images": numbered_source(11).images},
    ],
)
def test_another_source_has_its_own(source: ImageSplit, other: dict) -> None:
    """Each set of data has its own conversion."""
    COPY.prepare(source)
    COPY.prepare(replace(source, **other))
    assert writings(source) == 2


def test_another_version_is_made_anew(source: ImageSplit) -> None:
    """Other bytes have another number."""
    assert COPY.prepare(source) != replace(COPY, version=2).prepare(source)
    assert writings(source) == 2


@pytest.mark.parametrize("file", ["images", "deep/labels", MANIFEST])
@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"torn"), Path.unlink])
def test_damaged_files_are_made_anew(source: ImageSplit, file: str, damage) -> None:
    """A file that is cut, or gone."""
    folder = COPY.prepare(source)
    damage(folder / file)
    assert COPY.prepare(source) == folder
    assert (folder / "images").read_bytes() == source.images.numpy().tobytes()
    assert writings(source) == 2


def test_the_digest_finds_changes_under_the_same_time(source: ImageSplit) -> None:
    """A byte changed under the same time and size is seen by a check of every byte."""
    folder = COPY.prepare(source)
    status = (folder / "images").stat()
    (folder / "images").write_bytes(b"\x01" * status.st_size)
    os.utime(folder / "images", ns=(status.st_atime_ns, status.st_mtime_ns))
    COPY.prepare(source)
    assert writings(source) == 1
    COPY.prepare(source, verify=True)
    assert writings(source) == 2


def test_a_copy_with_other_times_is_the_same(source: ImageSplit) -> None:
    """The digest identifies it once, its times from then on."""
    folder = COPY.prepare(source)
    os.utime(folder / "images", (1, 1))
    COPY.prepare(source)
    before = (folder / MANIFEST).stat().st_mtime_ns
    COPY.prepare(source)
    assert writings(source) == 1
    assert (folder / MANIFEST).stat().st_mtime_ns == before
    assert not [path for path in source.folder.iterdir() if "manifest" in path.name]


def test_an_interrupted_conversion_is_never_used(source: ImageSplit) -> None:
    """The next process deletes the files of a killed one."""

    def broken(source: ImageSplit, folder: Path, progress) -> None:
        (folder / "images").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(COPY, write=broken).prepare(source)
    assert not COPY.folder(source).exists()
    left = source.folder / f".{COPY.folder(source).name}-killed"
    left.mkdir()
    (left / "images").write_bytes(b"half")
    COPY.prepare(source)
    assert not left.exists()
    assert writings(source) == 1


def slowly(source: ImageSplit, folder: Path, progress) -> None:
    time.sleep(0.3)
    write(source, folder, progress)


def prepare_slowly(folder: Path) -> None:
    replace(COPY, write=slowly).prepare(numbered_source(10, folder=folder))


def test_two_processes_make_it_once(source: ImageSplit) -> None:
    """The second waits for the first, and finds it made."""
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=prepare_slowly, args=(source.folder,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(300)
    assert [process.exitcode for process in both] == [0, 0]
    assert writings(source) == 1


def test_a_source_without_a_folder() -> None:
    """One line that says what to do."""
    with pytest.raises(
        DataError, match=r"copy: found a split without a folder, .* ImageSplit\(\.\.\., folder="
    ):
        COPY.prepare(numbered_source(10))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """One line that names it."""
    (tmp_path / "file").touch()
    with pytest.raises(
        DataError, match=r"can't be made \(Not a directory\), expected .*; --data-dir can name"
    ):
        COPY.prepare(numbered_source(10, folder=tmp_path / "file" / "below"))


def test_others_may_use_it_as_they_may_the_data(source: ImageSplit) -> None:
    """Its folder is as open as the one it lies in."""
    source.folder.mkdir()
    source.folder.chmod(0o755)
    assert COPY.prepare(source).stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_file_system_without_locks(source: ImageSplit, monkeypatch, code: int) -> None:
    """The conversion is made all the same, and the unfinished one of another process stays."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(descriptor, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    others = source.folder / f".{COPY.folder(source).name}-other"
    others.mkdir(parents=True)
    folder = COPY.prepare(source)
    assert (folder / "images").read_bytes() == source.images.numpy().tobytes()
    assert others.exists()
    assert COPY.prepare(source) == folder
    assert writings(source) == 1


def test_lock_that_fails_otherwise(source: ImageSplit, monkeypatch) -> None:
    """Other errors are reported."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(descriptor, operation):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(DataError, match=r"can't be made \(Input/output error\)"):
        COPY.prepare(source)


def test_slower_of_two_without_locks(source: ImageSplit, monkeypatch) -> None:
    """Another process makes the same files meanwhile: these stay, and nothing else does."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    rename = Path.rename

    def overtaken(self, target):
        monkeypatch.setattr(Path, "rename", rename)
        COPY.prepare(source)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", overtaken)
    folder = COPY.prepare(source)
    assert (folder / "images").read_bytes() == source.images.numpy().tobytes()
    assert [path for path in source.folder.iterdir() if path.is_dir()] == [folder]
    assert writings(source) == 2
