"""Places of scripts that are modules of a package, as `python -m package.module` finds them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from bench.workloads.target.target import FORMS, TargetError, suggest_target


def is_module(text: str) -> bool:
    """Return True if a text is the name of a module in a package, such as `mypackage.train`."""
    parts = text.split(".")
    return len(parts) > 1 and parts[-1] != "py" and all(part.isidentifier() for part in parts)


def find_module_file(name: str, start: Path) -> Path:
    """Return the file of a module. Neither it nor a package of it is imported.

    Args:
        name: the module, such as `mypackage.train`.
        start: folder in which its package is looked for first.

    Raises:
        TargetError: there is no such module, or it has no Python file.
    """
    parts = name.split(".")
    places: Sequence[str] | None = None
    origin = ""
    for length in range(1, len(parts) + 1):
        spec = _find_spec(".".join(parts[:length]), places, start)
        if spec is None:
            raise TargetError(_refuse(name, length, start))
        places, origin = spec.submodule_search_locations or (), spec.origin or ""
    if places or not origin.endswith(".py"):
        raise TargetError(f"{name}: no file of Python can be run by this name, expected that of a module")
    return Path(origin)


def hint_at_module(error: ImportError, path: Path, start: Path) -> str:
    """Return how to name a file that imports from the package it lies in; empty for another error.

    Args:
        error: what an import has raised as the file ran.
        path: the file.
        start: folder in which it ran.
    """
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    if root == path.parent:
        return ""
    parts = path.relative_to(root).with_suffix("").parts
    missing = (error.name or "").partition(".")[0]
    if "no known parent package" not in str(error) and missing != parts[0]:
        return ""
    name = ".".join(parts)
    is_found = _find_spec(parts[0], None, start) is not None
    place = root.relative_to(start) if root.is_relative_to(start) else root
    after = "" if is_found else f", after PYTHONPATH={place}"
    return f"give {name}, which runs it as python -m {name} does{after}"


def _refuse(name: str, length: int, start: Path) -> str:
    """Return the line for a module that isn't there.

    Args:
        name: the module.
        length: how many parts of the name it takes to find nothing.
        start: folder in which its package is looked for first.
    """
    place, _, last = name.rpartition(".")
    meant = suggest_target(name, start, {})
    if length > 1 and not meant:
        meant = f"; for the loader {last} in {place}, give {place}:{last}"
    missing = ".".join(name.split(".")[:length])
    return (
        f"{name!r} is no target, expected {FORMS}, FILE.py or package.module{meant}; there is no module "
        f"{missing}"
    )


def _find_spec(name: str, places: Sequence[str] | None, start: Path) -> ModuleSpec | None:
    """Return what Python would find of a module; None where it finds none.

    Args:
        name: the module.
        places: folders of the package that it lies in; None for a module that lies in none.
        start: folder in which a module of no package is looked for first.
    """
    if places is not None:
        # By its full name, a folder without __init__.py would ask for its package, which isn't imported.
        return PathFinder.find_spec(name.rpartition(".")[2], places)
    finders = (finder for finder in sys.meta_path if hasattr(finder, "find_spec"))
    specs = [PathFinder.find_spec(name, [str(start)])]
    specs += (finder.find_spec(name, None, None) for finder in finders)
    found = [spec for spec in specs if spec is not None]
    # Python prefers a package that lies further back to a folder without __init__.py.
    return next((spec for spec in found if spec.loader is not None), found[0] if found else None)
