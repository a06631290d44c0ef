"""The dataset that a run names: found, downloaded or drawn, and checked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from loaders.data import fashion_mnist, idx, synthetic
from loaders.data.cache_folder import can_write, find_cache_folder
from loaders.data.dataset_ref import DatasetRef
from loaders.data.download import DownloadLimits, Progress
from loaders.data.errors import DataError
from loaders.data.files_choice import choose_files
from loaders.data.given_folder import check_exists
from loaders.data.idx_files import CONVERTED, IdxFiles
from loaders.data.idx_finder import find_in_folder, list_folder
from loaders.data.known_dataset import FASHION_MNIST, identify, name_classes

_LIMITS = DownloadLimits()


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

    Args:
        dataset: name of the dataset. `auto` reads the files under `data_dir`; without any it downloads
            Fashion-MNIST, and draws the synthetic set where that fails. `fashion-mnist` takes the published
            files only. `synthetic` or `synthetic:<N>` is drawn, with N training samples.
        data_dir: folder of the data, `~` for the home folder. It may end with the beginning of file names, as
            in `EMNIST/raw/emnist-letters`, where one folder holds several sets.
        notify: function that receives each sentence for the user.
        mirror: URL of a folder that holds the four `.gz` files; None for torchvision's mirrors.
        limits: time and size that a download may take.
        progress: function to report a download's progress to.

    Raises:
        DataError: the data are missing, damaged, or not what was asked for. No other data replace those that
            lie under `data_dir`, or that were expected in a folder which isn't there.
    """
    count = _parse_count(dataset)
    data_dir = _expand(data_dir)
    if count is not None:
        return _draw(count, data_dir, notify)
    choice = choose_files(data_dir, fashion_only=dataset == "fashion-mnist")
    if choice is None:
        if dataset == "auto" and mirror is None:
            check_exists(data_dir)
        folder = data_dir / "FashionMNIST" / "raw"
        _check_empty(folder)
        try:
            fashion_mnist.download_fashion_mnist(
                folder, data_dir, mirror=mirror, limits=limits, progress=progress
            )
        except DataError as error:
            by_hand = f"put {', '.join(fashion_mnist.PACKED_NAMES)} into {folder}"
            if dataset == "fashion-mnist":
                raise DataError(f"{error}; {by_hand}, or name another mirror") from error
            drawn = _draw(fashion_mnist.TRAIN_SAMPLES, data_dir, notify)
            notify(
                f"Not Fashion-MNIST: the data are synthetic pictures of the same size and format. Speeds "
                f"carry over, accuracies don't. {data_dir} holds no IDX files, and the download failed: "
                f"{error}. For the real pictures, {by_hand}."
            )
            return drawn
        [files] = find_in_folder(folder)
    else:
        files = choice.files
        if choice.notice is not None:
            notify(choice.notice)
    return _check(files, dataset, notify)


def expected_samples(dataset: str, data_dir: Path, mirror: str | None = None) -> int:
    """Return the number of training samples that `locate` would find.

    At most a header is read; nothing is written or downloaded.

    Args:
        dataset: name of the dataset.
        data_dir: folder of the data.
        mirror: URL of a folder to download from; default None for torchvision's mirrors.

    Raises:
        DataError: `locate` would raise it too, as far as the names and the header tell.
    """
    count = _parse_count(dataset)
    data_dir = _expand(data_dir)
    if count is not None:
        return count
    choice = choose_files(data_dir, fashion_only=dataset == "fashion-mnist")
    if choice is not None:
        return idx.count_images(choice.files.paths("train")[0])
    if dataset == "auto" and mirror is None:
        check_exists(data_dir)
    return fashion_mnist.TRAIN_SAMPLES


def _parse_count(dataset: str) -> int | None:
    """Return the number of training samples of the synthetic set; None where another set is asked for."""
    if dataset in ("auto", "fashion-mnist"):
        return None
    match = re.fullmatch(r"synthetic(?::([1-9][0-9]{0,8}))?", dataset)
    if match is None:
        raise DataError(
            f"dataset {dataset!r} is unknown, expected auto, fashion-mnist, synthetic or synthetic:<N> "
            f"with 1 to 999999999 training samples"
        )
    return int(match[1] or fashion_mnist.TRAIN_SAMPLES)


def _expand(data_dir: Path) -> Path:
    """Return the folder with `~` expanded. Raises DataError where it can't be looked into."""
    try:
        data_dir = data_dir.expanduser()
    except RuntimeError as error:
        raise DataError(f"{data_dir}: can't be found ({error}), expected a folder for the data") from error
    try:
        os.listdir(data_dir)  # noqa: PTH208 - it needs no iterator
    except FileNotFoundError:
        pass
    except OSError as error:
        raise DataError(
            f"{data_dir}: can't be looked into ({error.strerror}), expected a folder for the data"
        ) from error
    return data_dir


def _check_empty(folder: Path) -> None:
    """Raise DataError where other files lie in the folder of Fashion-MNIST."""
    if lying := list_folder(folder):
        raise DataError(
            f"{folder}: found {', '.join(sorted(lying)[:6])}, expected the files of Fashion-MNIST "
            f"({', '.join(fashion_mnist.PACKED_NAMES)}) or an empty folder to download them into"
        )


def _draw(count: int, data_dir: Path, notify: Callable[[str], None]) -> DatasetRef:
    """Find or draw the synthetic set."""
    files, digest = synthetic.prepare(data_dir, count)
    files = _redirect(files, digest, notify)
    return DatasetRef(
        f"synthetic:{count}", digest, files.folder, FASHION_MNIST.classes, files.read, files.stamps()
    )


def _check(files: IdxFiles, dataset: str, notify: Callable[[str], None]) -> DatasetRef:
    """Check the files and name them for their contents."""
    # Taken before the digests, so that a change in between is seen later.
    stamps = files.stamps()
    checked, known = files.check(), identify(files)
    name, classes = f"idx-{checked.digest[:8]}", name_classes(known, checked.highest_label)
    if fashion_mnist.is_published(files, checked):
        name, classes = "fashion-mnist", FASHION_MNIST.classes
    elif dataset == "fashion-mnist":
        raise DataError(
            f"{files.folder}: found other files than the published ones (digest {checked.digest[:8]}…), "
            f"expected Fashion-MNIST; --dataset auto reads them as {name}"
        )
    if known is not None and 0 < len(known.classes) <= checked.highest_label:
        notify(
            f"{files.folder} has labels up to {checked.highest_label}, more than the {len(known.classes)} "
            f"classes of {known.name}: the classes are numbered."
        )
    files = _redirect(files, checked.digest, notify)
    return DatasetRef(name, checked.digest, files.folder, classes, files.read, stamps)


def _redirect(files: IdxFiles, digest: str, notify: Callable[[str], None]) -> IdxFiles:
    """Return the files with the cache as the place of conversions, where their own folder is read-only."""
    beside, cache = files.folder / CONVERTED, find_cache_folder()
    if beside.exists() or can_write(beside) or cache is None:
        return files
    converted = cache / CONVERTED / digest[:16]
    notify(f"{files.folder} can't be written: files that loaders make of the data go to {converted}.")
    return replace(files, converted=converted)
