"""Links from a checkout to files of the working tree that no commit holds, such as the data."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

# Products of Python and its tools. Their programs make them again.
UNNEEDED = frozenset(
    ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints", ".git")
)
UNNEEDED_ENDS = (".pyc", ".egg-info")


def link_paths(paths: Iterable[Path], tree: Path, checkout: Path) -> list[str]:
    """Link files and folders of the working tree into a checkout. What a commit holds stays as it is.

    Args:
        paths: files and folders, relative to `tree`.
        tree: top folder of the working tree.
        checkout: top folder of the checkout.

    Returns:
        The paths of which something was linked, as text.
    """
    return [str(path) for path in paths if _is_needed(tree / path) and _link(tree / path, checkout / path)]


def _is_needed(path: Path) -> bool:
    """Return whether a training may read a path: it is no product of Python's tools, and no environment."""
    names = set(path.parts)
    is_product = bool(names & UNNEEDED) or path.name.endswith(UNNEEDED_ENDS)
    return not is_product and not (path / "pyvenv.cfg").exists()


def _link(source: Path, place: Path) -> bool:
    """Link one path, or the content of a folder that the commit has too; return whether there was any."""
    if place.is_symlink() or (place.exists() and not (place.is_dir() and source.is_dir())):
        return False
    if place.is_dir():
        found = [_link(inner, place / inner.name) for inner in sorted(source.iterdir()) if _is_needed(inner)]
        return any(found)
    if not source.exists():
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(source, target_is_directory=source.is_dir())
    return True
