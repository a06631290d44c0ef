"""Conversion: files that a loader makes of a split once, keeps beside the data, and uses again."""

from __future__ import annotations

import contextlib
import errno
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
"""Function of the number of samples converted so far, and of all samples."""

MANIFEST = "manifest.json"
_BLOCK_BYTES = 1 << 20
# Errors of flock on a file system without locks.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@dataclass(frozen=True)
class Conversion:
    """A kind of conversion.

    Attributes:
        name: beginning of the folder's name.
        version: number that changes with the bytes that are written.
        write: function that writes the files of a split into an empty folder and reports its progress.
    """

    name: str
    version: int
    write: Callable[[ImageSplit, Path, Progress], None]

    def folder(self, source: ImageSplit) -> Path:
        """Return the folder of a split's conversion, made or not.

        Raises:
            DataError: the split has no folder.
        """
        if source.folder is None:
            raise DataError(
                f"{self.name}: found a split without a folder, expected one that says where files made of "
                f"it may be kept: ImageSplit(..., folder=...)"
            )
        return source.folder / f"{self.name}-{self.version}-{source.digest[:16]}"

    def prepare(self, source: ImageSplit, progress: Progress | None = None, *, verify: bool = False) -> Path:
        """Return the folder with the files; make them where they are missing or have changed.

        Names, sizes and times identify the files. Where these differ from the manifest, the digest decides.
        A conversion appears whole, by one rename, so that an interrupted one is never used. Processes that
        need the same conversion wait for each other, where the file system has locks.

        Args:
            source: split to convert.
            progress: function to report progress to.
            verify: whether to take the digest of every byte in any case.

        Raises:
            DataError: the folder can't be written.
        """
        folder = self.folder(source)
        if _is_intact(folder, self._identity(source), verify=verify):
            return folder
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _lock(folder.parent / f".{folder.name}.lock") as alone:
                if not _is_intact(folder, self._identity(source), verify=verify):
                    if alone:
                        _delete_leftovers(folder)
                    self._make(source, folder, progress)
        except OSError as error:
            raise DataError(
                f"{folder}: can't be made ({error.strerror or error}), expected a folder that can be "
                f"written, with room for the files; --data-dir can name a copy of the data elsewhere"
            ) from error
        return folder

    def _make(self, source: ImageSplit, folder: Path, progress: Progress | None) -> None:
        """Write the files and their manifest, and rename their folder."""
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            self.write(source, making, progress or _ignore_progress)
            manifest = {**self._identity(source), "digest": _digest(making), "stamp": _stamp(making)}
            (making / MANIFEST).write_text(json.dumps(manifest, indent=1))
            # Only its owner may enter a temporary folder. Others may use this one like the data.
            making.chmod(folder.parent.stat().st_mode & 0o777)
            if folder.exists():
                shutil.rmtree(folder)
            try:
                making.rename(folder)
            except OSError:
                # Without a lock, another process may have made the same files meanwhile.
                if not _is_intact(folder, self._identity(source), verify=False):
                    raise
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _identity(self, source: ImageSplit) -> dict[str, object]:
        """Return the entries of the manifest that identify the split and the kind of conversion."""
        return {
            "conversion": self.name,
            "version": self.version,
            "source": source.digest,
            "shape": list(source.images.shape),
        }


def _ignore_progress(_done: int, _of: int) -> None:
    """Show no progress."""


def _delete_leftovers(folder: Path) -> None:
    """Delete unfinished conversions of processes that were killed. The caller holds the lock."""
    for leftover in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _is_intact(folder: Path, identity: dict[str, object], *, verify: bool) -> bool:
    """Return whether a conversion of that identity is there and has the bytes that were written."""
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
        # A copy of the same bytes: its own times identify it from now on.
        with contextlib.suppress(OSError):
            replacement = folder.parent / f".{folder.name}.manifest"
            replacement.write_text(json.dumps({**manifest, "stamp": stamp}, indent=1))
            replacement.replace(folder / MANIFEST)
    return True


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the files of a conversion without its manifest, sorted by name."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.name != MANIFEST:
                yield entry


def _stamp(folder: Path) -> str:
    """Return the SHA-256 in hex of all names, sizes and times of change."""
    stamp = hashlib.sha256()
    for entry in _files(folder):
        status = entry.stat()
        stamp.update(repr((os.path.relpath(entry.path, folder), status.st_size, status.st_mtime_ns)).encode())
    return stamp.hexdigest()


def _digest(folder: Path) -> str:
    """Return the SHA-256 in hex of all names and contents."""
    digest = hashlib.sha256()
    for entry in _files(folder):
        digest.update(repr((os.path.relpath(entry.path, folder), entry.stat().st_size)).encode())
        with Path(entry.path).open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[bool]:
    """Hold the lock of a file, which ends with the process; yield whether there is one.

    Windows and some network file systems have no such locks. Two processes then make the same files, and the
    files of one of them stay.
    """
    try:
        import fcntl
    except ImportError:
        yield False
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            yield False
        else:
            yield True
