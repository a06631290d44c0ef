"""User modules: the files that a user's loader and step were imported from."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from collections.abc import Collection
from pathlib import Path
from typing import Any

from bench.process.search_path import OWN_FOLDER, PACKAGES
from loaders.data.dataset_ref import FileStamp

LIBRARIES = frozenset(("site-packages", "dist-packages"))


def list_module_files() -> set[Path]:
    """Return the source files of all imported modules."""
    return {path for module in list(sys.modules.values()) if (path := _find_file(module)) is not None}


def list_user_files(before: Collection[Path]) -> list[Path]:
    """Return the source files of imported modules, without those of libraries, Python and this program.

    Args:
        before: files of modules that were imported before any of the user's.
    """
    return sorted(path for path in list_module_files().difference(before) if is_users(path))


def is_users(path: Path) -> bool:
    """Return whether a source file belongs to no library, nor to Python or this program."""
    standard = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    excluded = [*standard, *(OWN_FOLDER / package for package in PACKAGES)]
    return not LIBRARIES & set(path.parts) and not any(path.is_relative_to(folder) for folder in excluded)


def digest_files(paths: list[Path]) -> str:
    """Return the SHA-256 in hex over the content of files."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def stamp_files(paths: list[Path]) -> tuple[FileStamp, ...]:
    """Return the size and time of each file, by which a later change is noticed."""
    return tuple(map(FileStamp.of, paths))


def _find_file(module: Any) -> Path | None:
    # A module may be any object, whose attributes may be anything.
    name = getattr(module, "__file__", None)
    path = Path(name) if isinstance(name, str) else None
    return path if path is not None and path.suffix == ".py" and path.is_file() else None
