"""Registry of the loader families: every file in `loaders/families/` is one."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from loaders import families as package
from loaders.spec.knobs import Knob
from loaders.spec.loader_spec import LoaderSpec


def families() -> dict[str, type[LoaderSpec]]:
    """Return the spec class of every family by the family's name, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name: find_spec_class(importlib.import_module(f"{package.__name__}.{name}")) for name in names}


def all_knobs() -> dict[str, Knob]:
    """Return every family's knobs by name; raise TypeError if two families declare one name differently."""
    found: dict[str, Knob] = {}
    for name, family in families().items():
        for knob in family.declared_knobs().values():
            if found.setdefault(knob.name, knob) != knob:
                raise TypeError(f"{name}: knob {knob.name} is declared differently in another family")
    return found


def find_spec_class(module: ModuleType) -> type[LoaderSpec]:
    """Return the one LoaderSpec that a family's file defines; raise TypeError if it doesn't define one."""
    # Not isinstance: on Python 3.10 a generic alias, such as Callable[[int], None], is an instance of type.
    specs: list[type[LoaderSpec]] = [
        member
        for member in vars(module).values()
        if issubclass(type(member), type)
        and issubclass(member, LoaderSpec)
        and member.__module__ == module.__name__
    ]
    if len(specs) != 1:
        raise TypeError(f"{module.__name__} defines {len(specs)} LoaderSpecs, a family's file defines one")
    return specs[0]
