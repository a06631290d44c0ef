"""Estimate the bytes of a dataset's Python objects, whose pages each forked worker comes to copy."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

# Objects of the program, which a process has anyway.
PROGRAM = (ModuleType, FunctionType, BuiltinFunctionType, MethodType, CodeType, type)
# Of a longer container, this many elements stand for all.
MOST_ELEMENTS = 1_000
# Objects that are looked at in all.
MOST_OBJECTS = 200_000


def estimate_object_bytes(dataset: object) -> int | None:
    """Return about how many bytes the Python objects take that a dataset holds.

    The content of arrays and tensors doesn't count: reading it writes nothing. Of long lists, tuples, sets
    and dicts a sample of the elements is looked at.

    Args:
        dataset: the dataset, which is left as it is.

    Returns:
        The bytes; None where an object refuses to be looked at.
    """
    try:
        return round(_Estimate().count(dataset))
    # A user's object may raise anything.
    except Exception:
        return None


class _Estimate:
    """An estimate, which counts each object once."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        # Ids are those of live objects only.
        self._held: list[object] = []

    def count(self, obj: object) -> float:
        """Return the bytes of an object and of what it holds and wasn't counted yet."""
        total = 0.0
        # Its own stack: a chain of objects may be deeper than Python's.
        waiting: list[tuple[object, float]] = [(obj, 1.0)]
        while waiting and len(self._held) < MOST_OBJECTS:
            one, weight = waiting.pop()
            if id(one) in self._seen or isinstance(one, PROGRAM):
                continue
            self._seen.add(id(one))
            self._held.append(one)
            is_block = isinstance(one, torch.Tensor | np.ndarray)
            total += weight * (object.__sizeof__(one) if is_block else sys.getsizeof(one, 0))
            if not is_block or (isinstance(one, np.ndarray) and one.dtype == object):
                elements, scale = _list_elements(one)
                waiting += [(element, weight * scale) for element in elements]
        return total


def _list_elements(container: object) -> tuple[Sequence[Any], float]:
    """Return what an object holds, or a sample of it, and how many of them each one stands for."""
    if isinstance(container, np.ndarray):
        return _sample(container.ravel(), container.size)
    if type(container) in (list, tuple):
        return _sample(container, len(container))  # type: ignore[arg-type]
    if isinstance(container, Mapping) and type(container) is dict:
        both = itertools.chain.from_iterable(container.items())
        return _sample(both, 2 * len(container))
    if isinstance(container, Set) and type(container) in (set, frozenset):
        return _sample(container, len(container))
    return gc.get_referents(container), 1.0


def _sample(elements: Iterable[Any], count: int) -> tuple[list[Any], float]:
    """Return every so many of the elements, and how many of them each one stands for."""
    # An odd step meets keys and values of a dict alike.
    step = max(1, count // MOST_ELEMENTS) | 1
    found = list(itertools.islice(elements, 0, None, step))
    return found, count / max(1, len(found))
