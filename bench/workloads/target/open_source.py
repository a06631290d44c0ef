"""Open a target: the loader or dataset that a user's target names or makes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import GeneratorType
from typing import Any

from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from bench.text import format_count, join_few
from bench.workloads.target.target import Target, TargetError, check_params, name_kind, refuse_exit
from loaders.spec.source_facts import Kind

EXPECTED = "a DataLoader, a Dataset, another iterable of batches, or a function that returns one"
# They hold no batches, although one can iterate over them.
NO_LOADERS = (Mapping, type, str, bytes, bytearray, set, frozenset, int, float, range)
BUILT_IN = ("builtins", "collections", "itertools")


@dataclass(frozen=True)
class OpenedSource:
    """Loader that a target names or makes.

    Attributes:
        kind: what it is.
        loader: a DataLoader, with PyTorch's defaults over a Dataset; or another iterable of batches.
    """

    kind: Kind
    loader: Any


class MadeAnew:
    """An iterable of batches whose function is called for each epoch, as an iterator delivers only one."""

    def __init__(self, first: Any, make: Callable[[], Any]) -> None:
        """Keep a function.

        Args:
            first: the iterator that it has returned, for the first epoch.
            make: returns the iterator of each later epoch.
        """
        self._first = first
        self._make = make

    def __iter__(self) -> Iterator[Any]:
        first, self._first = self._first, None
        return iter(self._make() if first is None else first)


class AsItIs:
    """A loader that is iterated as it is, though it is a DataLoader."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        """Keep a loader."""
        self._loader = loader

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loader)

    def __len__(self) -> int:
        return len(self._loader)


def open_target(target: Target, params: Mapping[str, Any]) -> OpenedSource:
    """Return the loader that a target names or makes, and its kind.

    Args:
        target: a DataLoader, a Dataset, another iterable of batches, or a function that returns one.
        params: arguments of the function.

    Raises:
        TargetError: the target is none of these, or its function takes other arguments.
    """
    found = target.load()
    if not _is_function(found):
        if params:
            raise TargetError(f"{target.text}: --param is for a function; this is {name_kind(found)}")
        return _classify(found, f"{target.text} is")
    check_params(target, found, params)
    with refuse_exit(f"{target.text}: the function"):
        made = found(**params)
    opened = _classify(made, f"{target.text} returned")
    if is_one_shot(made):
        return OpenedSource("iterable", MadeAnew(made, partial(found, **params)))
    return opened


def open_source(target: Target, params: Mapping[str, Any]) -> Any:
    """Return the loader that a target names or makes, as `open_target` does."""
    return open_target(target, params).loader


def is_one_shot(loader: Any) -> bool:
    """Return whether an iterable delivers a single epoch, as a generator or `zip` does.

    An iterator of another class may begin anew, as those of some libraries do.
    """
    if isinstance(loader, GeneratorType | _BaseDataLoaderIter):
        return True
    return hasattr(loader, "__next__") and type(loader).__module__ in BUILT_IN


def _classify(found: Any, what: str) -> OpenedSource:
    """Return the kind of a loader.

    Args:
        found: the loader.
        what: begins the error, such as `train.py:loader is`.
    """
    if isinstance(found, DataLoader):
        # A subclass may have started workers for good when it was made. Its knobs are turned too late.
        started = any(
            isinstance(vars(found)[name], _BaseDataLoaderIter) for name in vars(found) if name != "_iterator"
        )
        return OpenedSource("iterable", AsItIs(found)) if started else OpenedSource("dataloader", found)
    if isinstance(found, Dataset):
        return OpenedSource("dataset", DataLoader(found))
    if isinstance(found, tuple | list | Mapping) and (several := _describe_several(found)):
        raise TargetError(
            f"{what} {several}, expected one loader: give a function that returns the one to measure, such "
            "as def train_loader(): return make_loaders()[0]"
        )
    if isinstance(found, NO_LOADERS):
        raise TargetError(f"{what} {name_kind(found)}, expected {EXPECTED}")
    has_index = hasattr(found, "__getitem__") and hasattr(found, "__len__")
    # A dataset needs no base class. A list holds batches.
    if has_index and not isinstance(found, tuple | list) and type(found).__module__ not in BUILT_IN:
        return OpenedSource("dataset", DataLoader(found))
    if hasattr(type(found), "__iter__"):
        return OpenedSource("iterable", found)
    raise TargetError(f"{what} {name_kind(found)}, expected {EXPECTED}")


def _describe_several(found: Any) -> str:
    """Return what a container with loaders or datasets holds; empty for one of batches."""
    parts = list(found.values()) if isinstance(found, Mapping) else list(found)
    if not any(isinstance(part, DataLoader | Dataset) for part in parts):
        return ""
    names = join_few(type(part).__name__ for part in parts)
    return f"{name_kind(found)} of {format_count(len(parts), 'part')} ({names})"


def _is_function(found: Any) -> bool:
    """Return whether a target makes the loader: a function, a class, or an object that is only callable."""
    if inspect.isclass(found):
        return True
    return callable(found) and not isinstance(found, DataLoader | Dataset) and not hasattr(found, "__iter__")
