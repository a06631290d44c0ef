"""Search of a folder for image sets in IDX files, under the names of publishers and unpackers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from loaders.data.errors import DataError
from loaders.data.idx_files import CONVERTED, FILE_NAMES, IdxFiles
from loaders.data.known_dataset import TORCHVISION_FOLDERS

# train-images-idx3-ubyte, train-images.idx3-ubyte, emnist-letters-test-images-idx3-ubyte.gz,
# qmnist-train-labels-idx2-int.
_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<split>train|t10k|test)[-_. ]?(?P<part>images|labels)"
    r"[-_. ]?idx[123][-_. ]?(ubyte|int)(?P<ending>.*)",
    re.IGNORECASE | re.DOTALL,
)
# Companions of a download that hold no data.
_COMPANION = re.compile(r".*(md5|sha\d+|txt|json|asc|sig|lock|metadata)", re.IGNORECASE)
# Files that hold such a set in a format that isn't read.
_OTHER_FORMAT = re.compile(
    r".*\.(zip|tar|tgz|tar\.gz|bz2|xz|7z|rar|npz|mat)|.*(train|test).*\.(csv|npy|parquet)", re.IGNORECASE
)
# Other folders to search at most: a data folder can hold thousands.
_MOST_FOLDERS = 100

# Places of a set that need no notice, in order of preference: torchvision's, then those above it.
USUAL_PLACES = ("FashionMNIST/raw", "FashionMNIST", "raw", ".")


def find_in_folder(folder: Path) -> list[IdxFiles]:
    """Return the sets in one folder, complete or not, one for each prefix of file names.

    Raises:
        DataError: the folder can't be read.
    """
    parts: dict[str, dict[str, list[tuple[int, Path]]]] = {}
    for name in sorted(list_folder(folder)):
        match = _NAME.fullmatch(name)
        if match is None or _COMPANION.fullmatch(match["ending"]):
            continue
        part = _part(match)
        # The unpacked file is read first. Another ending marks a copy or an unfinished download.
        rank = {"": 0, ".gz": 1}.get(match["ending"].lower(), 2)
        parts.setdefault(match["prefix"], {}).setdefault(part, []).append((rank, _enter(folder / name, part)))
    return [
        IdxFiles(folder, tuple(_select(found, name) for name in FILE_NAMES), prefix)
        for prefix, found in sorted(parts.items())
    ]


def find_usual(data_dir: Path) -> list[IdxFiles]:
    """Return the sets in the first of the usual places that has any."""
    for place in USUAL_PLACES:
        if found := find_in_folder(data_dir / place):
            return found
    return []


def find_elsewhere(data_dir: Path) -> list[IdxFiles]:
    """Return the sets in the other folders up to two levels below `data_dir`."""
    usual = {data_dir / place for place in USUAL_PLACES}
    return [
        files
        for folder in _other_folders(data_dir)
        if folder not in usual
        for files in _find_if_readable(folder)
    ]


def find_by_prefix(data_dir: Path) -> IdxFiles | None:
    """Return the set whose file names begin like `data_dir`, such as `EMNIST/raw/emnist-letters`."""
    if data_dir.exists():
        return None
    wanted = data_dir.name.strip("-_. ")
    return next(
        (files for files in find_in_folder(data_dir.parent) if files.prefix.strip("-_. ") == wanted), None
    )


def find_other_formats(data_dir: Path) -> list[Path]:
    """Return files that hold an image set in a format that isn't read.

    Such are archives whose name or folder tells what they hold, and the `.pt` files of old torchvision.
    """
    folders = [*(data_dir / place for place in USUAL_PLACES), *_other_folders(data_dir)]
    found: dict[Path, None] = {}
    for folder in folders:
        telling = (folder.parent if folder.name == "raw" else folder).name in TORCHVISION_FOLDERS
        for name in _list_if_readable(folder):
            if _OTHER_FORMAT.fullmatch(name) and (telling or re.search("mnist|ubyte", name, re.IGNORECASE)):
                found[folder / name] = None
    for folder in (folder if folder.name == "processed" else folder / "processed" for folder in folders):
        for name in _list_if_readable(folder):
            if re.fullmatch(r"(training|test).*\.pt", name):
                found[folder / name] = None
    return list(found)


def list_folder(folder: Path) -> list[str]:
    """Return the names in a folder; none where there is no such folder. Raises DataError."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - it needs no iterator
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(
            f"{folder}: can't be looked into ({error.strerror or error}), expected a folder that can be read"
        ) from error


def _select(found: dict[str, list[tuple[int, Path]]], name: str) -> tuple[Path, ...]:
    """Return the paths of one part, plain before packed; others only where there is neither."""
    ranked = sorted(next((paths for part, paths in found.items() if name.startswith(part)), []))
    known = tuple(path for rank, path in ranked if rank < 2)
    return known or tuple(path for _, path in ranked)[:1]


def _enter(path: Path, part: str) -> Path:
    """Return the file in a folder that an unpacker called like the file; else the path itself."""
    matches = map(_NAME.fullmatch, _list_if_readable(path) if path.is_dir() else [])
    inside = [match.string for match in matches if match is not None and _part(match) == part]
    return path / inside[0] if len(inside) == 1 else path


def _part(match: re.Match[str]) -> str:
    """Return the beginning of MNIST's name of a file: split and part, such as `t10k-labels-`."""
    split = "train" if match["split"].lower() == "train" else "t10k"
    return f"{split}-{match['part'].lower()}-"


def _other_folders(data_dir: Path) -> Iterator[Path]:
    """Yield folders below `data_dir` that may hold a set, but neither hidden ones nor conversions."""
    names = [
        name
        for name in sorted(list_folder(data_dir))
        if not name.startswith((".", "synthetic-")) and name != CONVERTED and (data_dir / name).is_dir()
    ]
    for name in names[:_MOST_FOLDERS]:
        folder = data_dir / name
        yield folder
        yield folder / "raw"
        for below in TORCHVISION_FOLDERS:
            yield folder / below / "raw"


def _find_if_readable(folder: Path) -> list[IdxFiles]:
    """Return the sets in a folder; none where this user may not look."""
    try:
        return find_in_folder(folder)
    except DataError:
        return []


def _list_if_readable(folder: Path) -> list[str]:
    """Return the names in a folder; none where this user may not look."""
    try:
        return sorted(list_folder(folder))
    except DataError:
        return []
