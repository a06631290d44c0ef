"""FilesChoice: the image set to read of those that lie under a folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from loaders.data.errors import DataError
from loaders.data.idx_files import IdxFiles
from loaders.data.idx_finder import find_by_prefix, find_elsewhere, find_other_formats, find_usual
from loaders.data.known_dataset import FASHION_MNIST, identify

_DRAWS = "--dataset synthetic needs no files"
_DOWNLOADS = f"--dataset fashion-mnist downloads Fashion-MNIST, {_DRAWS}"
_NAMED = 6  # sets or files that an error names


@dataclass(frozen=True)
class FilesChoice:
    """The files to read.

    Attributes:
        files: complete set.
        notice: sentence for the user about the choice; None where there was none to make.
    """

    files: IdxFiles
    notice: str | None = None


def choose_files(data_dir: Path, *, fashion_only: bool) -> FilesChoice | None:
    """Choose the set to read.

    The usual places go first, then a folder that is called like Fashion-MNIST, then the only folder of an
    unknown name. Sets of another name, such as MNIST, are read only where `data_dir` names them.

    Args:
        data_dir: folder of the data, or the beginning of file names as in `EMNIST/raw/emnist-letters`.
        fashion_only: whether other sets elsewhere are passed over.

    Returns:
        The choice; None where nothing lies there, so that other data can take its place.

    Raises:
        DataError: the set is incomplete, several could be meant, or the data can't be read.
    """
    prefixed = find_by_prefix(data_dir)
    if prefixed is not None:
        prefixed.check_complete()
        return FilesChoice(prefixed)
    usual, elsewhere = find_usual(data_dir), find_elsewhere(data_dir)
    fashion = [files for files in elsewhere if identify(files) is FASHION_MNIST]
    # The folder alone names the set without a prefix, where there is one.
    plain = [files for files in usual if not files.prefix]
    candidates = plain or usual or fashion or ([] if fashion_only else elsewhere)
    if not candidates:
        if not fashion_only:
            _refuse_other_formats(data_dir)
        return None
    chosen = candidates[0]
    if len(candidates) > 1:
        _refuse(data_dir, candidates, "one set", downloads=not usual and not fashion_only)
    if not usual and identify(chosen) not in (FASHION_MNIST, None):
        _refuse(data_dir, candidates, "Fashion-MNIST", downloads=True)
    chosen.check_complete()
    others = [] if fashion_only else [files for files in usual + elsewhere if files != chosen]
    if usual and not others:
        return FilesChoice(chosen)
    notice = f"The data come from {chosen.folder}."
    if others:
        notice += f" Also found {_join(map(describe_files, others))}: {_name_option(others)}."
    return FilesChoice(chosen, notice)


def describe_files(files: IdxFiles) -> str:
    """Return what a set is said to be and where it lies: `EMNIST letters in data/EMNIST/raw`."""
    known = identify(files)
    name = f"an unnamed set ({files.prefix}*)" if files.prefix else "an unnamed set"
    return f"{known.name if known else name} in {files.folder}"


def name_data_dir(files: IdxFiles) -> Path:
    """Return the data folder that names this set."""
    if files.prefix:
        return files.folder / files.prefix.rstrip("-_. ")
    return files.folder.parent if files.folder.name == "raw" else files.folder


def _refuse(data_dir: Path, sets: list[IdxFiles], expected: str, *, downloads: bool) -> NoReturn:
    """Raise DataError with the sets that were found and the options that lead on."""
    raise DataError(
        f"{data_dir}: found {_join(map(describe_files, sets))}, expected {expected}; {_name_option(sets)}, "
        f"{_DOWNLOADS if downloads else _DRAWS}"
    )


def _refuse_other_formats(data_dir: Path) -> None:
    """Raise DataError where image sets lie there in a format that isn't read."""
    found = find_other_formats(data_dir)
    if not found:
        return
    old = [path for path in found if path.parent.name == "processed"]
    made = " (an old version of torchvision made it from IDX files)" if old else ""
    raise DataError(
        f"{data_dir}: found {_join(found)}{made}, expected IDX files such as train-images-idx3-ubyte.gz; "
        f"unpack or download those, {_DOWNLOADS}"
    )


def _name_option(sets: list[IdxFiles]) -> str:
    """Return the option that reads one of the sets, with a value for each."""
    reads = "reads it" if len(sets) == 1 else "reads one of them"
    return f"--data-dir {_join(map(name_data_dir, sets), 'or')} {reads}"


def _join(items: Iterable[object], word: str = "and") -> str:
    """Return the items as `a, b and c`; of many the first, and the number of the others."""
    texts = [str(item) for item in items]
    if len(texts) > _NAMED:
        texts = [*texts[:_NAMED], f"{len(texts) - _NAMED} more"]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {word} {texts[-1]}"
