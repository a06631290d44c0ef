"""Conversions: what a loader makes of a source once, keeps beside the data, and uses again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit

Progress = Callable[[int, int], None]
"""Called with the samples converted so far, and all of them."""

MANIFEST = "manifest.json"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Conversion:
    """A kind of conversion. name: what its folder is called by. version: another number for other bytes.

    write: given the source, an empty folder and a Progress, puts the files there.
    """

    name: str
    version: int
    write: Callable[[ImageSplit, Path, Progress], None]

    def folder(self, source: ImageSplit) -> Path:
        """Where the conversion of that source lies, once it is made.

        Raises DataError for a source that has no folder.
        """
        if source.folder is None:
            raise DataError(
                f"{self.name}: found a source without a folder, expected one that says where files made of "
                f"it may be kept: Source(..., folder=...)"
            )
        return source.folder / f"{self.name}-{self.version}-{source.digest[:16]}"

    def prepare(self, source: ImageSplit, progress: Progress | None = None, *, verify: bool = False) -> Path:
        """The folder with the files, made now unless they are there and are what was made.

        They are known by their names, sizes and times, which are written down with their digest. Where those
        differ, or with `verify`, the digest is taken of every byte; where that differs too, all is made anew.
        A conversion appears whole, by one rename, so that one that was broken off is never used; two
        processes that need it wait for each other. Raises DataError where it can't be written.
        """
        folder = self.folder(source)
        if _stands(folder, self._identity(source), verify=verify):
            return folder
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _locked(folder.parent / f".{folder.name}.lock"):
                if not _stands(folder, self._identity(source), verify=verify):
                    self._make(source, folder, progress)
        except OSError as error:
            raise DataError(
                f"{folder}: can't be made ({error.strerror or error}), expected a folder that can be "
                f"written, with room for it"
            ) from error
        return folder

    def _make(self, source: ImageSplit, folder: Path, progress: Progress | None) -> None:
        prefix = f".{folder.name}-"
        for left_over in folder.parent.glob(f"{prefix}*"):
            # By a process that was killed: whoever works on one holds the lock.
            shutil.rmtree(left_over, ignore_errors=True)
        making = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
        try:
            self.write(source, making, progress or _silent)
            manifest = {**self._identity(source), "digest": _digest(making), "stamp": _stamp(making)}
            (making / MANIFEST).write_text(json.dumps(manifest, indent=1))
            # Others may use it as they may use the data, though not while it is made.
            making.chmod(folder.parent.stat().st_mode & 0o777)
            if folder.exists():
                shutil.rmtree(folder)
            making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _identity(self, source: ImageSplit) -> dict[str, object]:
        """What tells whether a conversion is of this source, and of this kind."""
        return {
            "conversion": self.name,
            "version": self.version,
            "source": source.digest,
            "shape": list(source.images.shape),
        }


def _silent(_done: int, _of: int) -> None:
    """Shows no progress."""


def _stands(folder: Path, identity: dict[str, object], *, verify: bool) -> bool:
    """Whether the conversion is there, is of that identity, and is what was written."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if any(manifest.get(key) != value for key, value in identity.items()):
            return False
        stamp = _stamp(folder)
        if stamp == manifest["stamp"] and not verify:
            return True
        if _digest(folder) != manifest["digest"]:
            return False
    except (OSError, ValueError, KeyError, AttributeError):
        return False
    if stamp != manifest["stamp"]:
        # The same bytes, copied: known by their times from now on, where that can be written.
        with contextlib.suppress(OSError):
            replacement = folder.parent / f".{folder.name}.manifest"
            replacement.write_text(json.dumps({**manifest, "stamp": stamp}, indent=1))
            replacement.replace(folder / MANIFEST)
    return True


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The files of a conversion, without its manifest, in an order that any file system gives."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.name != MANIFEST:
                yield entry


def _stamp(folder: Path) -> str:
    """SHA-256 in hex of all names, sizes and times of change."""
    stamp = hashlib.sha256()
    for entry in _files(folder):
        status = entry.stat()
        stamp.update(repr((os.path.relpath(entry.path, folder), status.st_size, status.st_mtime_ns)).encode())
    return stamp.hexdigest()


def _digest(folder: Path) -> str:
    """SHA-256 in hex of all names and contents."""
    digest = hashlib.sha256()
    for entry in _files(folder):
        digest.update(repr((os.path.relpath(entry.path, folder), entry.stat().st_size)).encode())
        with Path(entry.path).open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of that file; it is let go of when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:
        # Without it, two processes make the same thing twice, and one of the two stays.
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
