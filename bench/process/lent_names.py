"""Lent names: a program that has modules called `loaders` or `model` lends us these names for a while.

A script that imports our packages may lie beside a model.py of its own. Inside `use_own_packages` an import
of `model` finds ours, and afterwards the program's again.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from bench.process.search_path import OWN_FOLDER, prefer_own_packages

# `bench` isn't among them: a program that finds another `bench` can't import this one.
LENT = ("loaders", "model")

# Our modules under the names that the program has taken back.
_ours: dict[str, ModuleType] = {}
# The `with` blocks that threads are in, and what the last one to leave puts back.
_blocks = 0
_put_back = ExitStack()
_lock = threading.Lock()


@contextmanager
def use_own_packages() -> Iterator[None]:
    """Let imports find our packages inside a `with` block, and the program's own modules afterwards."""
    global _blocks
    with _lock:
        if _blocks == 0:
            _put_back.enter_context(_swap_names())
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if _blocks == 0:
                _put_back.close()


@contextmanager
def _swap_names() -> Iterator[None]:
    taken = [name for name in LENT if _is_others(name)]
    if not taken:
        yield
        return
    path = [*sys.path]
    theirs = _take_out(taken)
    sys.modules.update(_ours)
    prefer_own_packages()
    try:
        yield
    finally:
        _ours.update(_take_out(taken))
        sys.modules.update(theirs)
        sys.path[:] = path


def _is_others(name: str) -> bool:
    """Return whether a name is that of a module of the program's, imported already or yet to be."""
    if name in sys.modules:
        return not _is_ours(getattr(sys.modules[name], "__file__", None))
    spec = PathFinder.find_spec(name)
    # A folder without __init__.py hides nothing: Python prefers a package that lies further back.
    return spec is not None and spec.loader is not None and not _is_ours(spec.origin)


def _is_ours(file: str | None) -> bool:
    return file is not None and OWN_FOLDER in Path(file).absolute().parents


def _take_out(packages: list[str]) -> dict[str, ModuleType]:
    """Remove packages from the modules of this process, and return their modules by name."""
    names = [name for name in sys.modules if name.partition(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}
