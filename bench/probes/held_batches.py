"""HeldBatches: a dataset whose workers have their batches already, and deliver copies of them.

This file stands alone: it needs torch and the standard library. Workers that aren't forked run it by its
path, because a user's project may hold modules that bear our names.
"""

from __future__ import annotations

import copy
import operator
import runpy
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

FILE = str(Path(__file__).resolve())
# Values that are sent as they are: nothing of them lies in shared memory.
SENT_BY_VALUE = (str, bytes, int, float, complex, type(None))


class HeldBatches:
    """A map-style dataset of batches. Each `dataset[k]` is a copy of one of them.

    A batch that was sent before would lie in shared memory already. So its tensors are copied to new shared
    memory each time, as PyTorch's default collate function makes them there.
    """

    def __init__(self, batches: Sequence[Any]) -> None:
        """Keep batches.

        Args:
            batches: the batches, at least one.
        """
        self._batches = tuple(batches)
        self._copiers = tuple(map(_make_copier, self._batches))

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        """Return a copy of a batch."""
        turn = index % len(self._batches)
        copier = self._copiers[turn]
        return self._batches[turn] if copier is None else copier()

    def __reduce__(self) -> tuple[Any, ...]:
        return _Named("HeldBatches"), (self._batches,)


class QuietInit:
    """A user's worker_init_fn, whose failure ends nothing: it may look for its dataset in vain."""

    def __init__(self, function: Callable[[int], object]) -> None:
        """Wrap a function.

        Args:
            function: takes the number of the worker.
        """
        self._function = function

    def __call__(self, worker: int) -> None:
        """Call the function in a worker."""
        try:
            self._function(worker)
        # A user's function may raise anything.
        except Exception as error:
            sys.stdout.write(f"worker_init_fn failed without its dataset: {error!r}\n")

    def __reduce__(self) -> tuple[Any, ...]:
        return _Named("QuietInit"), (self._function,)


class _Named:
    """A class of this file, which a process that unpickles it finds by the file's path."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any) -> Any:
        return globals()[self._name](*args)

    def __reduce__(self) -> tuple[Any, ...]:
        return operator.getitem, (_ThisFile(), self._name)


class _ThisFile:
    """The names of this file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return runpy.run_path, (FILE,)


def _make_copier(value: Any) -> Callable[[], Any] | None:
    """Return a function that copies a value; None for one without a tensor, which is sent as it is."""
    if isinstance(value, torch.Tensor):
        return partial(_copy_tensor, value.detach())
    if type(value) is dict:
        parts = _make_parts_copier(list(value.values()))
        return None if parts is None else lambda: dict(zip(value, parts(), strict=True))
    if type(value) in (list, tuple) or (isinstance(value, tuple) and hasattr(value, "_make")):
        items = _make_parts_copier(value)
        make: Callable[[Any], Any] = getattr(value, "_make", type(value))
        return None if items is None else lambda: make(items())
    return _make_object_copier(value)


def _make_parts_copier(values: Sequence[Any]) -> Callable[[], list[Any]] | None:
    """Return a function that returns a list of values with copies of tensors; None where there are none."""
    copiers = list(map(_make_copier, values))
    if not any(copiers):
        return None
    pairs = list(zip(values, copiers, strict=True))
    return lambda: [value if copier is None else copier() for value, copier in pairs]


def _make_object_copier(value: Any) -> Callable[[], Any] | None:
    """Return a function that copies an object of any class; None for one that is sent as it is."""
    if isinstance(value, SENT_BY_VALUE) or type(value).__module__ == "numpy":
        return None
    try:
        copy.deepcopy(value)
    # An object may hold what can't be copied.
    except Exception:
        return None
    return partial(copy.deepcopy, value)


def _copy_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """Return a copy of a tensor, in new shared memory where it can lie there."""
    is_plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    if not is_plain or not tensor.numel() or type(tensor) is not torch.Tensor:
        return tensor.clone()
    size = tensor.numel() * tensor.element_size()
    storage = torch.UntypedStorage._new_shared(size)  # type: ignore[no-untyped-call]
    flat: torch.Tensor = torch.empty(0, dtype=tensor.dtype).set_(storage)
    return flat.view(tensor.shape).copy_(tensor)
