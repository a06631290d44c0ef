"""Difference of two batches: each of their values compared, where it stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

# A structure that is nested deeper refers to itself.
DEEPEST = 16
# Relative and absolute. Sums of floating-point numbers depend on their order, which threads and the
# alignment of memory decide.
TOLERANCES = (1e-5, 1e-5)
# Values that are compared with ==. Others are compared by their type.
PLAIN = (str, bytes, int, float, complex, bool, type(None))


@dataclass(frozen=True)
class Leaf:
    """One value of a batch.

    Attributes:
        place: where it stands, such as `[0]` or `['image']`.
        value: a tensor in the host's memory, an array, or another object.
    """

    place: str
    value: Any


def copy_leaves(batch: Any) -> list[Leaf]:
    """Return copies of all values of a batch, in the order of its structure."""
    return [Leaf(leaf.place, _copy(leaf.value)) for leaf in list_leaves(batch)]


def list_leaves(batch: Any) -> Iterator[Leaf]:
    """Yield all values of a batch, in the order of its structure."""
    yield from _walk(batch, "", 0)


def find_difference(delivered: list[Leaf], expected: list[Leaf]) -> str:
    """Return the first difference of two batches in a few words; empty for none.

    Args:
        delivered: values of the batch that was delivered.
        expected: values that it should have.
    """
    if [leaf.place for leaf in delivered] != [leaf.place for leaf in expected]:
        return f"it has {len(delivered):,} values in another structure than the {len(expected):,} expected"
    for got, want in zip(delivered, expected, strict=True):
        if (difference := _compare(got.value, want.value)) != "":
            return f"{difference} at batch{got.place}"
    return ""


def _walk(value: Any, place: str, depth: int) -> Iterator[Leaf]:
    parts = _list_parts(value) if depth < DEEPEST else None
    if parts is None:
        yield Leaf(place, value)
        return
    for name, part in parts:
        yield from _walk(part, f"{place}{name}", depth + 1)


def _list_parts(value: Any) -> list[tuple[str, Any]] | None:
    """Return the direct parts of a container, each with its place; None for another object."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return None
    if isinstance(value, Mapping):
        return [(f"[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, tuple | list):
        return [(f"[{place}]", part) for place, part in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f".{f.name}", getattr(value, f.name)) for f in dataclasses.fields(value)]
    if not isinstance(value, type) and callable(getattr(value, "to", None)) and hasattr(value, "__dict__"):
        return [(f".{name}", part) for name, part in vars(value).items()]
    return None


def _copy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone()
    return value.copy() if isinstance(value, np.ndarray) else value


def _compare(got: Any, want: Any) -> str:
    if isinstance(got, torch.Tensor) and isinstance(want, torch.Tensor):
        return _compare_tensors(got, want.detach().cpu())
    if type(got) is not type(want):
        return f"{type(got).__name__} instead of {type(want).__name__}"
    if isinstance(got, np.ndarray):
        return _compare_arrays(got, want)
    same = not isinstance(got, PLAIN) or got == want or (got != got and want != want)
    return "" if same else f"{got!r:.40} instead of {want!r:.40}"


def _compare_tensors(got: torch.Tensor, want: torch.Tensor) -> str:
    if got.dtype != want.dtype or got.layout != want.layout:
        return f"{_name(got)} instead of {_name(want)}"
    if got.layout == torch.strided and not got.is_nested and not got.is_quantized:
        if got.shape != want.shape:
            return f"shape {list(got.shape)} instead of {list(want.shape)}"
        if torch.equal(got, want):
            return ""
        if got.dtype.is_floating_point:
            # Not every CPU compares half precision.
            near = torch.isclose(got.double(), want.double(), *TOLERANCES, equal_nan=True)
        same = near if got.dtype.is_floating_point else got == want
        return "" if bool(same.all()) else f"{int((~same).sum()):,} of {same.numel():,} numbers differ"
    # Other layouts have no common comparison.
    return "" if got.shape == want.shape else f"shape {list(got.shape)} instead of {list(want.shape)}"


def _compare_arrays(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any]) -> str:
    if got.dtype != want.dtype:
        return f"{got.dtype} instead of {want.dtype}"
    if got.shape != want.shape:
        return f"shape {list(got.shape)} instead of {list(want.shape)}"
    if np.issubdtype(got.dtype, np.inexact):
        same = np.isclose(got, want, *TOLERANCES, equal_nan=True)
    elif got.dtype.hasobject:
        # Python's own objects may be anything.
        return ""
    else:
        same = np.asarray(got == want)
    return "" if bool(same.all()) else f"{int((~same).sum()):,} of {same.size:,} numbers differ"


def _name(tensor: torch.Tensor) -> str:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return dtype if tensor.layout == torch.strided else f"{dtype} ({tensor.layout})"
