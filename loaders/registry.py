"""Registry of the loader families: every file in `loaders/families/`, and entry points of other packages."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from importlib.metadata import EntryPoint
from types import ModuleType

from loaders import families as package
from loaders.spec.family_name import list_entries
from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import Knob
from loaders.spec.loader_spec import LoaderSpec
from loaders.spec.outside_family import find_outside_families
from loaders.spec.own_loader_spec import OwnLoaderSpec


def families() -> dict[str, type[LoaderSpec]]:
    """Return the spec class of every family of pictures by the family's name, in alphabetical order."""
    return {name: spec for name, spec in sorted(_find_all().items()) if issubclass(spec, LoaderSpec)}


def own_families() -> dict[str, type[OwnLoaderSpec]]:
    """Return the spec class of every family of users' own data by its name, in alphabetical order."""
    return {name: spec for name, spec in sorted(_find_all().items()) if issubclass(spec, OwnLoaderSpec)}


def all_knobs() -> dict[str, Knob]:
    """Return every family's knobs by name, with the values that the presets take for pictures.

    Raises:
        TypeError: two families declare one name differently.
    """
    found: dict[str, Knob] = {}
    for name, family in _find_all().items():
        for knob in family.declared_knobs().values():
            known = found.setdefault(knob.name, knob)
            if (known.kind, known.help) != (knob.kind, knob.help):
                raise TypeError(f"{name}: knob {knob.name} is declared differently in another family")
    return found


def find_problems() -> dict[str, str]:
    """Return why families of other packages can't be used, one line each, by the family's name."""
    return dict(_find_outside(list_entries())[1])


def _find_all() -> dict[str, type[KnobSet]]:
    """Return all families, ours first, so that theirs don't change the presets of a knob that both have."""
    return {**_find_ours(), **_find_outside(list_entries())[0]}


@functools.cache
def _find_outside(entries: tuple[EntryPoint, ...]) -> tuple[dict[str, type[KnobSet]], dict[str, str]]:
    # An import that fails is not tried again.
    return find_outside_families(entries, _find_ours()) if entries else ({}, {})


def _find_ours() -> dict[str, type[KnobSet]]:
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name: find_spec_class(importlib.import_module(f"{package.__name__}.{name}")) for name in names}


def find_spec_class(module: ModuleType) -> type[KnobSet]:
    """Return the one KnobSet that a family's file defines; raise TypeError if it doesn't define one."""
    # Not isinstance: on Python 3.10 a generic alias, such as Callable[[int], None], is an instance of type.
    specs: list[type[KnobSet]] = [
        member
        for member in vars(module).values()
        if issubclass(type(member), type)
        and issubclass(member, KnobSet)
        and member.__module__ == module.__name__
    ]
    if len(specs) != 1:
        raise TypeError(f"{module.__name__} defines {len(specs)} sets of knobs, a family's file defines one")
    return specs[0]
