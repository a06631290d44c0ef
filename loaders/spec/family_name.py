"""The name of a loader family: that of its file, or of the entry point of another package."""

from __future__ import annotations

import functools
import sys
from importlib.metadata import EntryPoint, entry_points

# The group of entry points by which other packages add families. An entry's name is the family's name.
GROUP = "loaderbench.families"
OWN_PACKAGE = "loaders.families"


def list_entries() -> tuple[EntryPoint, ...]:
    """Return the entry points of other packages' families, in alphabetical order."""
    return _list_entries(tuple(sys.path))


@functools.cache
def _list_entries(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    del path  # other folders hold other packages
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


def list_packages() -> list[str]:
    """Return the names of the packages that add families, as pip knows them."""
    return sorted({entry.dist.name for entry in list_entries() if entry.dist is not None})


@functools.cache
def name_family(spec: type) -> str:
    """Return the name of the family that a class is.

    Args:
        spec: class of the family.
    """
    package, _, file = spec.__module__.rpartition(".")
    if package == OWN_PACKAGE:
        return file
    # The process of a trial knows a family only by its class.
    return next((entry.name for entry in list_entries() if _is_entry_of(entry, spec)), file)


def _is_entry_of(entry: EntryPoint, spec: type) -> bool:
    if (entry.module, entry.attr) == (spec.__module__, spec.__qualname__):
        return True
    # The package may offer the class under another name than that of its definition.
    return getattr(sys.modules.get(entry.module), entry.attr, None) is spec
