"""Nested batches: what a measurement asks of a batch of any form.

A batch is any nesting of tuples, lists, dicts, named tuples, dataclasses and objects with `.to()`, with
tensors or numpy arrays as leaves. Other leaves, such as strings and numbers, are passed on as they are.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

T = TypeVar("T")
Leaf = torch.Tensor | np.ndarray[Any, Any]
# The methods that return the stored parts of a sparse tensor.
SPARSE_PARTS = {
    torch.sparse_coo: ("_indices", "_values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
}
# Values of a single sample.
SCALARS = (str, bytes, int, float, complex, np.generic, type(None))


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
    if _is_container(value):
        return _map_parts(value, lambda part: map_leaves(part, function, other))  # type: ignore[no-any-return]
    return other(value)  # type: ignore[no-any-return]


def move(batch: T, device: torch.device | str, *, non_blocking: bool = False) -> T:
    """Return a batch on a device.

    An object with a method `.to()` moves itself, as those of PyTorch Geometric and Hugging Face do. Arrays,
    and objects without this method, stay where they are.

    Args:
        batch: the batch.
        device: destination.
        non_blocking: return while the copies are under way, where the object's `.to()` can; default False.
    """

    def move_tensor(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(device, non_blocking=non_blocking)

    def move_object(value: Any) -> Any:
        try:
            return value.to(device, non_blocking=non_blocking)
        except TypeError:
            return value.to(device)

    return move_parts(batch, move_tensor, move_object)


def move_parts(
    batch: T, move_tensor: Callable[[torch.Tensor], torch.Tensor], move_object: Callable[[Any], Any]
) -> T:
    """Return a batch of the same structure whose tensors and objects with a method `.to()` were moved.

    Args:
        batch: the batch.
        move_tensor: moves a tensor.
        move_object: moves an object that has a method `.to()`. One that moves in place may return None.
    """
    value: Any = batch
    if isinstance(value, torch.Tensor):
        return move_tensor(value)  # type: ignore[return-value]
    if _moves_itself(value):
        moved = move_object(value)
        # Some move their parts in place, and return nothing.
        return batch if moved is None else moved
    if _is_container(value):
        return _map_parts(value, lambda part: move_parts(part, move_tensor, move_object))  # type: ignore[no-any-return]
    return batch


def count_samples(batch: Any) -> int:
    """Return the number of samples in a batch; 0 where it can't be told.

    In this order: the batch's own word, such as `batch_size` of a TensorDict or `num_graphs` of a PyTorch
    Geometric batch; the length of a list of samples; the number that most parts of the batch have, by the
    first dimension of tensors and by the length of lists, the first one of equals; the length of the batch.
    """
    if number := _count_alike(batch):
        return number
    if (told := _ask(batch)) is not None:
        return told
    if isinstance(batch, torch.Tensor | np.ndarray):
        return _count_rows(batch)
    if isinstance(batch, list) and _holds_samples(batch):
        return len(batch)
    votes = Counter(number for part in _list_parts(batch) for number in _suggest_numbers(part))
    if votes:
        return max(votes, key=lambda number: votes[number])
    return len(batch) if hasattr(batch, "__len__") and not isinstance(batch, (*SCALARS, Mapping)) else 0


def count_bytes(batch: Any) -> int:
    """Return the bytes of a batch's tensors and arrays."""
    return sum(map(_count_leaf_bytes, iterate_leaves(batch)))


def describe_samples(batch: Any) -> tuple[tuple[int, ...], str]:
    """Return the shape of a sample and its dtype, as the batch's largest tensor has them.

    Returns:
        Shape without the first dimension, and the dtype such as `float32`; () and an empty text for a batch
        without a tensor.
    """
    leaves = list(iterate_leaves(batch))
    if not leaves:
        return (), ""
    largest = max(leaves, key=_count_leaf_bytes)
    shape = () if _is_nested(largest) else tuple(largest.shape[1:])
    return shape, str(largest.dtype).removeprefix("torch.")


def _count_leaf_bytes(leaf: Leaf) -> int:
    """Return the bytes of a tensor or array; of a sparse tensor those that it stores."""
    if isinstance(leaf, np.ndarray) or leaf.layout == torch.strided:
        return leaf.nbytes
    stored = SPARSE_PARTS.get(leaf.layout)
    if stored is None:
        return leaf.numel() * leaf.element_size()
    return sum(getattr(leaf, name)().nbytes for name in stored)


def _list_parts(batch: Any) -> Iterator[Any]:
    """Yield the direct parts of a container; nothing for other objects."""
    if isinstance(batch, Mapping):
        yield from batch.values()
    elif isinstance(batch, tuple | list):
        yield from batch
    elif dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        yield from (getattr(batch, f.name) for f in dataclasses.fields(batch))
    elif _moves_itself(batch) and hasattr(batch, "__dict__"):
        yield from vars(batch).values()


def _is_container(value: Any) -> bool:
    """Return whether a value can be made anew from other parts."""
    is_record = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return isinstance(value, Mapping | tuple | list) or is_record


def _moves_itself(value: Any) -> bool:
    return not isinstance(value, type | torch.Tensor) and callable(getattr(value, "to", None))


def _map_parts(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return a container of the same class with a function applied to each part.

    A class that can't be made from its parts becomes a dict, a tuple or a list.
    """
    if isinstance(value, Mapping):
        mapped = {key: function(part) for key, part in value.items()}
        return mapped if type(value) is dict else _remake(value, mapped, dict)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(function, value))
    if isinstance(value, tuple):
        return _remake(value, tuple(map(function, value)), tuple)
    if isinstance(value, list):
        return _remake(value, list(map(function, value)), list)
    # A copy keeps fields that the constructor doesn't take, and runs no __post_init__ again.
    twin = copy.copy(value)
    for field in dataclasses.fields(value):
        object.__setattr__(twin, field.name, function(getattr(value, field.name)))
    return twin


def _remake(like: Any, parts: Any, usual: type) -> Any:
    """Return parts as the class of a container, or as they are where it doesn't take them."""
    if type(like) is usual:
        return parts
    try:
        return type(like)(parts)
    except TypeError:
        return parts


def _count_alike(batch: Any) -> int:
    """Return the number of samples of a plain container of tensors that agree on it; else 0.

    Most batches are such containers, and this takes a microsecond of the measured loop instead of ten.
    """
    kind = type(batch)
    if kind is not tuple and kind is not list and kind is not dict:
        return 0
    number = 0
    for part in batch.values() if kind is dict else batch:
        if type(part) is not torch.Tensor or part.is_nested or not (shape := part.shape):
            return 0
        if number and shape[0] != number:
            return 0
        number = shape[0]
    return number if isinstance(number, int) else 0


def _ask(batch: Any) -> int | None:
    """Return the number of samples that an object says it has; None where it says none."""
    if isinstance(batch, PackedSequence):
        return int(batch.batch_sizes[0])
    for name in ("num_graphs", "batch_size"):
        told = getattr(batch, name, None)
        if isinstance(told, int):
            return told
        if isinstance(told, torch.Size) and len(told):
            return told[0]
    return None


def _count_rows(leaf: Leaf) -> int:
    if _is_nested(leaf):
        return int(leaf.size(0))  # type: ignore[operator]
    return int(leaf.shape[0]) if leaf.ndim else 0


def _is_nested(leaf: Leaf) -> bool:
    # The shape of a nested tensor is no row of numbers.
    return isinstance(leaf, torch.Tensor) and leaf.is_nested


def _suggest_numbers(part: Any) -> list[int]:
    """Return the numbers of samples that a part of a batch may stand for, the likeliest first."""
    if isinstance(part, SCALARS):
        return []
    if not isinstance(part, tuple | list) or hasattr(part, "_fields") or _ask(part) is not None:
        return [number] if (number := count_samples(part)) else []
    # A list with an element a sample, or the parts of a sample in a list.
    rows = {_count_rows(leaf) for leaf in part if isinstance(leaf, torch.Tensor | np.ndarray)}
    return sorted({len(part), *(rows if len(rows) == 1 else ())} - {0}, reverse=True)


def _holds_samples(batch: list[Any]) -> bool:
    """Return whether each element of a list is a sample, as a collate function that does nothing leaves them.

    Samples have parts of the same kinds, and among these a number, a text, or tensors of different lengths.
    Tensors are samples where their lengths differ, but nothing else does.
    """
    if len(batch) < 2:
        return False
    if all(isinstance(part, torch.Tensor) and part.ndim for part in batch):
        kinds = {(part.dtype, "nested" if _is_nested(part) else part.shape[1:]) for part in batch}
        return len(kinds) == 1 and len({_count_rows(part) for part in batch}) > 1
    first, last = batch[0], batch[-1]
    if type(first) is not type(last) or not _is_container(first):
        return False
    if isinstance(first, Mapping) and first.keys() != last.keys():
        return False
    return _is_sample(first) and _is_sample(last)


def _is_sample(parts: Any) -> bool:
    values = list(_list_parts(parts))
    leaves = [value for value in values if isinstance(value, torch.Tensor | np.ndarray)]
    has_scalar = any(isinstance(value, SCALARS) for value in values) or any(not leaf.ndim for leaf in leaves)
    return has_scalar or len({_count_rows(leaf) for leaf in leaves}) > 1
