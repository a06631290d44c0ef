"""Fashion-MNIST: found, downloaded or replaced by the synthetic set; checked, and named for what it is."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from loaders.data import idx, synthetic
from loaders.data.dataset_ref import DatasetRef
from loaders.data.download import DownloadLimits, Progress, download
from loaders.data.errors import DataError

CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_TRAIN_SAMPLES = 60_000

_LIMITS = DownloadLimits()

# SHA-256 of the published files once unpacked, in the order of idx.NAMES: torchvision has only the MD5s of
# the packed ones, and people delete those.
_UNPACKED_SHA256 = (
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)


def locate(
    dataset: str,
    data_dir: Path,
    *,
    notify: Callable[[str], None],
    mirror: str | None = None,
    limits: DownloadLimits = _LIMITS,
    progress: Progress | None = None,
) -> DatasetRef:
    """Find, download or draw a dataset, and check every byte of it.

    dataset: `auto` takes the files under `data_dir` if any are there, else downloads Fashion-MNIST into
    it, else draws the synthetic set and says so through `notify`; `fashion-mnist` takes the published
    files only; `synthetic` or `synthetic:<N>` is drawn, with N training samples.
    mirror: the URL of a folder that holds the four `.gz` files, instead of torchvision's.
    Raises DataError: one line that names the file or URL, what was found and what was expected.
    """
    count = _synthetic_count(dataset)
    _check_folder(data_dir)
    if count is not None:
        return _synthetic(count, data_dir)
    folder = _find(data_dir)
    if folder is None:
        folder = data_dir / "FashionMNIST" / "raw"
        try:
            _download(folder, data_dir, mirror, limits, progress)
        except DataError as error:
            by_hand = f"put {', '.join(f'{name}.gz' for name in idx.NAMES)} into {folder}"
            if dataset == "fashion-mnist":
                raise DataError(f"{error}; {by_hand}, or name another mirror") from error
            drawn = _synthetic(_TRAIN_SAMPLES, data_dir)
            notify(
                f"Not Fashion-MNIST: what follows runs on synthetic pictures of the same size and format, so "
                f"speeds carry over and accuracies don't. No files are under {data_dir}, and the download "
                f"failed: {error}. For the real pictures, {by_hand}."
            )
            return drawn
    found = _check(folder)
    if dataset == "fashion-mnist" and found.name != dataset:
        raise DataError(
            f"{folder}: found other files than the published ones (digest {found.digest[:8]}…), expected "
            f"Fashion-MNIST; to run on them as {found.name}, ask for auto"
        )
    return found


def expected_samples(dataset: str, data_dir: Path) -> int:
    """How many training samples `locate` would find: reads a header at most, writes and downloads nothing.

    Raises DataError as `locate` does, as far as this shows it.
    """
    count = _synthetic_count(dataset)
    _check_folder(data_dir)
    folder = None if count is not None else _find(data_dir)
    return idx.samples(folder, "train") if folder is not None else count or _TRAIN_SAMPLES


def _synthetic_count(dataset: str) -> int | None:
    """The number of training samples in the synthetic set that is asked for, None where none is."""
    if dataset in ("auto", "fashion-mnist"):
        return None
    match = re.fullmatch(r"synthetic(?::([1-9][0-9]{0,8}))?", dataset)
    if match is None:
        raise DataError(
            f"dataset {dataset!r} is unknown, expected auto, fashion-mnist, synthetic or synthetic:<N> "
            f"with 1 to 999999999 training samples"
        )
    return int(match[1] or _TRAIN_SAMPLES)


def _synthetic(count: int, data_dir: Path) -> DatasetRef:
    folder, digest = synthetic.locate(data_dir, count)
    return DatasetRef(f"synthetic:{count}", digest, folder, CLASSES, idx.read_split, idx.stamps(folder))


def _check_folder(data_dir: Path) -> None:
    try:
        os.listdir(data_dir)  # noqa: PTH208 - it needs no iterator
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(
            f"{data_dir}: can't be looked into ({error.strerror}), expected a folder for the data"
        ) from error


def _find(data_dir: Path) -> Path | None:
    """The first folder that holds any of the files: torchvision's, or one less deep."""
    for folder in (data_dir / "FashionMNIST" / "raw", data_dir / "raw", data_dir):
        if idx.present(folder):
            return folder
    return None


def _download(
    folder: Path, staging: Path, mirror: str | None, limits: DownloadLimits, progress: Progress | None
) -> None:
    resources, mirrors = _torchvision()
    *others, last = [mirror] if mirror is not None else mirrors
    for base_url in others:
        with suppress(DataError):
            return download(resources, base_url, folder, staging=staging, limits=limits, progress=progress)
    return download(resources, last, folder, staging=staging, limits=limits, progress=progress)


def _check(folder: Path) -> DatasetRef:
    # From before the digests are taken: what changes meanwhile is seen later.
    stamps = idx.stamps(folder)
    digests = idx.check(folder, len(CLASSES))
    published = digests.each == _UNPACKED_SHA256 or all(
        unpacked == expected or _has_md5(folder / name, md5)
        for unpacked, expected, (name, md5) in zip(
            digests.each, _UNPACKED_SHA256, _torchvision()[0], strict=True
        )
    )
    name = "fashion-mnist" if published else f"idx-{digests.whole[:8]}"
    return DatasetRef(name, digests.whole, folder, CLASSES, idx.read_split, stamps)


def _has_md5(path: Path, md5: str) -> bool:
    return path.exists() and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == md5


def _torchvision() -> tuple[list[tuple[str, str]], list[str]]:
    """The published files, each with its MD5, in the order of idx.NAMES; and where they are to be had."""
    # Imported here since it takes a second, which a process that only reads a split needn't wait for.
    from torchvision.datasets import FashionMNIST

    md5s = dict(FashionMNIST.resources)
    return [(f"{name}.gz", md5s[f"{name}.gz"]) for name in idx.NAMES], FashionMNIST.mirrors
