"""Nested batches: what a measurement asks of a batch of any form.

A batch is any nesting of tuples, lists, dicts, named tuples, dataclasses and objects with `.to()`, with
tensors or numpy arrays as leaves. Other leaves, such as strings and numbers, are passed on as they are.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T")
Leaf = torch.Tensor | np.ndarray[Any, Any]


def iterate_leaves(batch: Any) -> Iterator[Leaf]:
    """Yield the tensors and arrays of a batch, in the order of its structure."""
    if isinstance(batch, torch.Tensor | np.ndarray):
        yield batch
        return
    for part in _list_parts(batch):
        yield from iterate_leaves(part)


def map_tensors(batch: T, function: Callable[[torch.Tensor], Any]) -> T:
    """Return a batch of the same structure with a function applied to each tensor.

    Leaves that are no tensors are kept. An object that has attributes with tensors, and is none of the known
    containers, is kept too.
    """
    return map_leaves(batch, lambda leaf: function(leaf) if isinstance(leaf, torch.Tensor) else leaf)


def map_leaves(
    batch: T, function: Callable[[Leaf], Any], other: Callable[[Any], Any] = lambda value: value
) -> T:
    """Return a batch of the same structure with a function applied to each tensor and array.

    Args:
        batch: the batch.
        function: takes each tensor and each array.
        other: takes each value that is neither of them and no known container; default keeps it.
    """
    value: Any = batch
    if isinstance(value, torch.Tensor | np.ndarray):
        return function(value)  # type: ignore[no-any-return]
    if isinstance(value, Mapping):
        mapped = {key: map_leaves(part, function, other) for key, part in value.items()}
        return mapped if type(value) is dict else _remake(value, mapped)  # type: ignore[return-value]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_leaves(part, function, other) for part in value))  # type: ignore[return-value]
    if isinstance(value, tuple | list):
        return type(value)([map_leaves(part, function, other) for part in value])  # type: ignore[return-value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        mapped = {name: map_leaves(part, function, other) for name, part in parts.items()}
        return dataclasses.replace(value, **mapped)  # type: ignore[return-value]
    return other(value)  # type: ignore[no-any-return]


def move(batch: T, device: torch.device | str, *, non_blocking: bool = False) -> T:
    """Return a batch on a device.

    An object with a method `.to()` moves itself, as those of PyTorch Geometric and Hugging Face do.

    Args:
        batch: the batch.
        device: destination.
        non_blocking: return while the copies are under way, where the object's `.to()` can; default False.
    """
    value: Any = batch
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=non_blocking)  # type: ignore[return-value]
    if not isinstance(value, type) and callable(getattr(value, "to", None)):
        try:
            return value.to(device, non_blocking=non_blocking)  # type: ignore[no-any-return]
        except TypeError:
            return value.to(device)  # type: ignore[no-any-return]
    if isinstance(value, Mapping):
        moved = {key: move(part, device, non_blocking=non_blocking) for key, part in value.items()}
        return moved if type(value) is dict else _remake(value, moved)  # type: ignore[return-value]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(move(part, device, non_blocking=non_blocking) for part in value))  # type: ignore[return-value]
    if isinstance(value, tuple | list):
        return type(value)([move(part, device, non_blocking=non_blocking) for part in value])  # type: ignore[return-value]
    if dataclasses.is_dataclass(value):
        parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        moved = {name: move(part, device, non_blocking=non_blocking) for name, part in parts.items()}
        return dataclasses.replace(value, **moved)  # type: ignore[type-var, return-value]
    return batch


def count_samples(batch: Any) -> int:
    """Return the number of samples in a batch; 0 where it can't be told.

    In this order: the batch's own word (`batch_size` of a TensorDict, `num_graphs` of a PyTorch Geometric
    batch); the length of its lists, where it consists of lists of the same length, one element a sample; the
    most frequent first dimension of its tensors, the larger one of equals.
    """
    for name in ("num_graphs", "batch_size"):
        told = getattr(batch, name, None)
        if isinstance(told, int):
            return told
        if isinstance(told, torch.Size) and len(told):
            return told[0]
    parts = list(_list_parts(batch))
    if parts and all(isinstance(part, tuple | list) for part in parts):
        lengths = {len(part) for part in parts}
        if len(lengths) == 1:
            return lengths.pop()
    dimensions = Counter(leaf.shape[0] for leaf in iterate_leaves(batch) if leaf.ndim)
    if dimensions:
        return max(dimensions, key=lambda size: (dimensions[size], size))
    lengths = {len(part) for part in parts if isinstance(part, tuple | list)}
    if len(lengths) == 1:
        return lengths.pop()
    return len(batch) if isinstance(batch, list) else 0


def count_bytes(batch: Any) -> int:
    """Return the bytes of a batch's tensors and arrays."""
    return sum(leaf.nbytes for leaf in iterate_leaves(batch))


def describe_samples(batch: Any) -> tuple[tuple[int, ...], str]:
    """Return the shape of a sample and its dtype, as the batch's largest tensor has them.

    Returns:
        Shape without the first dimension, and the dtype such as `float32`; () and an empty text for a batch
        without a tensor.
    """
    leaves = list(iterate_leaves(batch))
    if not leaves:
        return (), ""
    largest = max(leaves, key=lambda leaf: leaf.nbytes)
    return tuple(largest.shape[1:]), str(largest.dtype).removeprefix("torch.")


def _list_parts(batch: Any) -> Iterator[Any]:
    """Yield the direct parts of a container; nothing for other objects."""
    if isinstance(batch, Mapping):
        yield from batch.values()
    elif isinstance(batch, tuple | list):
        yield from batch
    elif dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        yield from (getattr(batch, f.name) for f in dataclasses.fields(batch))
    elif callable(getattr(batch, "to", None)) and hasattr(batch, "__dict__"):
        yield from vars(batch).values()


def _remake(like: Mapping[Any, Any], values: dict[Any, Any]) -> Any:
    """Return a mapping of another class with these values, or a dict where the class doesn't take them."""
    try:
        return type(like)(values)  # type: ignore[call-arg]
    except TypeError:
        return values
