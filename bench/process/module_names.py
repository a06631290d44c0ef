"""Module names: give up the names of our packages to a user's own modules, and take them back for a moment.

A user's folder may hold a model.py, a loaders.py or a package bench. In the process that runs the user's
code, an import of these names must find the user's. Our own functions go on working, since they hold
references to what they use. Only imports and pickle look modules up by name: both need our names back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from bench.process.search_path import PACKAGES, is_own_folder

# Our modules under the names that this process has given up.
_ours: dict[str, ModuleType] = {}


def enter_folder(folder: Path) -> None:
    """Look for modules in a user's folder first, as `python FILE` does, and give up the names that it has.

    Args:
        folder: the user's folder. A second call with the same folder changes nothing.
    """
    entry = str(folder)
    if sys.path[:1] == [entry]:
        return
    own = [path for path in sys.path if is_own_folder(path)]
    others = [path for path in sys.path if path != entry and path not in own and path != ""]
    # Ours come last: a user's package may hide them, but a worker that isn't forked finds no other.
    sys.path[:] = [entry, *others, *(path for path in own if path != entry)]
    taken = [name for name in PACKAGES if _has_module(entry, name)]
    for name in list(sys.modules):
        if name.partition(".")[0] in taken and not is_own_folder(entry):
            _ours[name] = sys.modules.pop(name)


@contextmanager
def own_names() -> Iterator[None]:
    """Give our modules their names back inside a `with` block, as pickle needs them."""
    if not _ours:
        yield
        return
    theirs = {name: sys.modules[name] for name in _ours if name in sys.modules}
    sys.modules.update(_ours)
    try:
        yield
    finally:
        for name in _ours:
            del sys.modules[name]
        sys.modules.update(theirs)


def _has_module(entry: str, name: str) -> bool:
    spec = PathFinder.find_spec(name, [entry])
    return spec is not None
