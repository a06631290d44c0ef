"""Fashion-MNIST as it was published: how its files are known, and their download."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from loaders.data.download import DownloadLimits, Progress, download
from loaders.data.errors import DataError
from loaders.data.idx_files import FILE_NAMES, CheckedFiles, IdxFiles

TRAIN_SAMPLES = 60_000
PACKED_NAMES = tuple(f"{name}.gz" for name in FILE_NAMES)

# SHA-256 of the unpacked files, in the order of FILE_NAMES. torchvision has the MD5 of the packed files only,
# which many users delete.
_UNPACKED_SHA256 = (
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)


def is_published(files: IdxFiles, checked: CheckedFiles) -> bool:
    """Return whether all four files are those that were published, by a digest of each.

    Args:
        files: files that were checked: each packed file holds the bytes of the unpacked one.
        checked: their digests.
    """
    if checked.each == _UNPACKED_SHA256:
        return True
    resources, _ = _torchvision()
    return all(
        digest == expected or any(_md5(path) == md5 for path in paths)
        for digest, expected, paths, (_, md5) in zip(
            checked.each, _UNPACKED_SHA256, files.parts, resources, strict=True
        )
    )


def download_fashion_mnist(
    folder: Path,
    staging: Path,
    *,
    mirror: str | None,
    limits: DownloadLimits,
    progress: Progress | None,
) -> None:
    """Download the published files from the first mirror that has them.

    Args:
        folder: folder for the files; it appears with all of them or not at all.
        staging: folder for unfinished files, on the same file system.
        mirror: URL of a folder with the four `.gz` files; None for torchvision's mirrors.
        limits: time and size that the download may take.
        progress: function to report progress to.

    Raises:
        DataError: the last mirror failed, or the folder can't be written.
    """
    resources, mirrors = _torchvision()
    *others, last = [mirror] if mirror is not None else mirrors
    for base_url in others:
        with suppress(DataError):
            return download(resources, base_url, folder, staging=staging, limits=limits, progress=progress)
    return download(resources, last, folder, staging=staging, limits=limits, progress=progress)


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _torchvision() -> tuple[list[tuple[str, str]], list[str]]:
    """Return name and MD5 of each published file, in the order of FILE_NAMES, and the URLs of the mirrors."""
    # The import takes a second, which a process that only reads a split needn't wait for.
    from torchvision.datasets import FashionMNIST

    md5s = dict(FashionMNIST.resources)
    return [(name, md5s[name]) for name in PACKED_NAMES], FashionMNIST.mirrors
