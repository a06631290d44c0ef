"""Module names: leave the names of our packages, and of some of Python's modules, to a user's own modules.

A user's project may hold a model.py, a loaders.py or a package bench. In the process that runs the user's
code, an import of these names must find the user's, wherever it lies on the search path. A profile.py beside
the user's file must be found as well, although this process has imported Python's. Our own functions go on
working, since they hold references to what they use.
"""

from __future__ import annotations

import importlib.util
import io
import pickle
import pkgutil
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from bench.process.search_path import OWN_FOLDER, PACKAGES, is_own_folder

# Libraries lie beside our packages in such a folder, so it stays on the search path.
LIBRARY_FOLDERS = ("site-packages", "dist-packages")
# Python has imported the first ones before any file of a user's, and looks the others up by name at any time.
# A user's module of such a name is no use to `python FILE` either.
KEPT = frozenset(
    (
        *("abc", "codecs", "encodings", "genericpath", "io", "ntpath", "os", "posixpath", "site", "stat"),
        *("array", "copyreg", "importlib", "linecache", "multiprocessing", "pickle", "pkgutil", "runpy"),
        *("threading", "traceback", "types", "warnings"),
    )
)
# Our modules and Python's under the names that this process has given up.
_given_up: dict[str, ModuleType] = {}


def enter_folder(folder: Path) -> None:
    """Look for modules in a user's folder first, as `python FILE` does, and give up the names of ours.

    Names of Python's own modules are given up where the folder has such modules.

    Args:
        folder: the user's folder. Our own folder keeps our names.
    """
    entry = str(folder)
    # Once the names are given up, our folder is on the path only because the user's code has imported ours.
    is_first = not any(isinstance(finder, _UsersFirst) for finder in sys.meta_path)
    removable = [path for path in sys.path if is_first and _is_removable(path)]
    sys.path[:] = [entry, *(path for path in sys.path if path not in (entry, "", *removable))]
    for name in sys.stdlib_module_names.intersection(list(sys.modules)).difference(KEPT):
        if _hides_loaded(entry, name):
            _give_up(name)
    if is_first and not is_own_folder(entry):
        for package in PACKAGES:
            _give_up(package)
        sys.meta_path.insert(0, _UsersFirst())


def pickle_ours(message: object, buffer_callback: Callable[[pickle.PickleBuffer], object]) -> bytes:
    """Return a pickled message, although its classes and functions may bear the name of a user's module.

    Args:
        message: the message, for a process that has given up no name.
        buffer_callback: takes each buffer that isn't copied into the pickle.
    """
    file = io.BytesIO()
    _OwnPickler(file, protocol=5, buffer_callback=buffer_callback).dump(message)
    return file.getvalue()


class _UsersFirst(MetaPathFinder):
    """Finds a user's package of one of our names, and gives ours back where there is none."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in PACKAGES:
            return None
        finders = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")]
        found = (finder.find_spec(fullname, path, target) for finder in finders)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and not _is_ours(spec):
            return spec
        if not any(map(is_own_folder, sys.path)):
            # The user's code uses ours, so workers that aren't forked must find it, too.
            sys.path.append(str(OWN_FOLDER))
        if fullname in _given_up:
            return importlib.util.spec_from_loader(fullname, _GivingBack(), is_package=True)
        return PathFinder.find_spec(fullname, [str(OWN_FOLDER)])


class _GivingBack(Loader):
    """Gives one of our packages its name back, with the modules that it had."""

    _spec: ModuleSpec | None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = _given_up[spec.name]
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
        within = f"{module.__name__}."
        sys.modules.update({name: ours for name, ours in _given_up.items() if name.startswith(within)})


class _OwnPickler(pickle.Pickler):
    """Names classes and functions by text where pickle itself would look for them in a user's module."""

    def reducer_override(self, obj: Any) -> Any:
        """Return how a class or function of such a module is found; NotImplemented for all else."""
        if isinstance(obj, type | FunctionType) and obj.__module__ in _given_up:
            return pkgutil.resolve_name, (f"{obj.__module__}:{obj.__qualname__}",)
        return NotImplemented


def _give_up(package: str) -> None:
    """Give up the names of a package and of all its modules."""
    for name in list(sys.modules):
        if name.partition(".")[0] == package:
            _given_up[name] = sys.modules.pop(name)


def _hides_loaded(entry: str, name: str) -> bool:
    """Return True if a folder at the head of `sys.path` hides a module of Python's that is loaded already.

    A folder without __init__.py hides nothing, and modules that are part of the interpreter are not hidden.
    """
    found = PathFinder.find_spec(name, [entry])
    if found is None or found.loader is None or found.origin == getattr(sys.modules[name], "__file__", None):
        return False
    return all(finder.find_spec(name) is None for finder in (BuiltinImporter, FrozenImporter))


def _is_removable(path: str) -> bool:
    """Return whether an entry of `sys.path` is there only for our packages.

    A user's package without __init__.py loses against ours in any worker that finds both.
    """
    return is_own_folder(path) and Path(path).name not in LIBRARY_FOLDERS


def _is_ours(spec: ModuleSpec) -> bool:
    """Return whether a spec is that of one of our packages."""
    place = Path(spec.origin).parent if spec.origin is not None else None
    return place is not None and place.name == spec.name and is_own_folder(str(place.parent))
