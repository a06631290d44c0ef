"""Current folder: `python -m` looks for modules there first, where a user's queue.py or csv.py may lie.

This module uses modules that are loaded already, as any other could be a user's.
"""

import os
import sys

# How the file of a module ends.
ENDINGS = (".py", os.sep + "__init__.py")


def move_current_folder() -> None:
    """Move the current folder to the end of `sys.path` if a module in it hides Python's or a library's.

    `python -m` has put it before all others. A trial looks in the user's own folder first nevertheless, as
    `python FILE` does.
    """
    if not _is_added():
        return
    folder = sys.path[0] or os.curdir
    if any(_hides_other(name) for name in _list_modules(folder)):
        sys.path.append(sys.path.pop(0))


def _is_added() -> bool:
    """Return whether `python -m` puts the current folder, and not our own, before all others."""
    if not sys.path or getattr(sys.flags, "safe_path", False) or sys.flags.isolated:
        return False
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    return not _is_same(sys.path[0], own)


def _list_modules(folder: str) -> list[str]:
    """Return the names of the modules and packages in a folder; none if it can't be read."""
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []
    files = [name[:-3] for name in names if name.endswith(".py")]
    return files + [name for name in names if "." not in name and _has_module(folder, name)]


def _hides_other(name: str) -> bool:
    """Return whether a module of that name is Python's own, or lies in another folder of `sys.path`."""
    if name in sys.stdlib_module_names:
        return True
    others = [entry for entry in sys.path[1:] if not _is_same(entry, sys.path[0])]
    return any(_has_module(entry, name) for entry in others)


def _has_module(folder: str, name: str) -> bool:
    return any(os.path.isfile(os.path.join(folder, name + ending)) for ending in ENDINGS)  # noqa: PTH113, PTH118


def _is_same(entry: str, folder: str) -> bool:
    try:
        return os.path.samefile(entry or os.curdir, folder or os.curdir)  # noqa: PTH121
    except OSError:
        return False
