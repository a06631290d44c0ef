"""Batches that are compared value by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from bench.workloads.audit.batch_difference import copy_leaves, find_difference


class Pair(NamedTuple):
    """A named tuple."""

    image: Any
    label: Any


@dataclass
class Record:
    """A dataclass."""

    text: Any


class Moving:
    """An object with `.to()`, as PyTorch Geometric's are."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def to(self, device: str) -> Moving:
        """Return itself."""
        return self


def differ(one: Any, other: Any) -> str:
    return find_difference(copy_leaves(one), copy_leaves(other))


T = torch.tensor


@pytest.mark.parametrize(
    "make",
    [
        lambda: T([1.0, float("nan")]),
        lambda: T([1, 2]),
        lambda: T([True, False]),
        lambda: T([1 + 2j]),
        lambda: T([1.0, 2.0], dtype=torch.float16),
        lambda: T([1.0, 2.0], dtype=torch.bfloat16),
        lambda: torch.zeros(0, 3),
        lambda: torch.eye(3).to_sparse(),
        lambda: np.array([1.0, np.nan]),
        lambda: np.array(["a", "b"]),
        lambda: np.array([{"a": 1}], dtype=object),
        lambda: {"ids": T([1]), "text": ["a", "b"], "none": None, "nan": float("nan")},
        lambda: Pair(T([1]), Record(np.array([2]))),
        lambda: [Moving(T([1.0])), object()],
    ],
)
def test_equal_batches_do_not_differ(make) -> None:
    """Of any form and any dtype, with NaN equal to NaN."""
    assert differ(make(), make()) == ""


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        (T([1.0, 2.0]), T([1.0, 2.5]), "1 of 2 numbers differ at batch"),
        (T([1.0, float("nan")]), T([1.0, 2.0]), "1 of 2 numbers differ at batch"),
        (T([1, 2]), T([1, 3]), "1 of 2 numbers differ at batch"),
        (T([True]), T([False]), "1 of 1 numbers differ at batch"),
        (T([1]), T([1.0]), "int64 instead of float32 at batch"),
        (T([[1, 2]]), T([1, 2]), "shape [1, 2] instead of [2] at batch"),
        (np.array([1, 2]), np.array([1, 3]), "1 of 2 numbers differ at batch"),
        (np.array([1.5]), np.array([1.0]), "1 of 1 numbers differ at batch"),
        (np.zeros(2), np.zeros(3), "shape [2] instead of [3] at batch"),
        (np.zeros(2), np.zeros(2, np.float32), "float64 instead of float32 at batch"),
        (T([1]), np.array([1]), "Tensor instead of ndarray at batch"),
        ({"text": ["a", "b"]}, {"text": ["a", "c"]}, "'b' instead of 'c' at batch['text'][1]"),
        (Pair(1, Record("a")), Pair(1, Record("b")), "'a' instead of 'b' at batch[1].text"),
        ([Moving(T([1]))], [Moving(T([2]))], "1 of 1 numbers differ at batch[0].x"),
        ([T([1]), T([1])], [T([1])], "it has 2 values in another structure than the 1 expected"),
        ({"a": 1}, {"b": 1}, "it has 1 values in another structure than the 1 expected"),
        (torch.eye(2).to_sparse(), torch.eye(3).to_sparse(), "shape [2, 2] instead of [3, 3] at batch"),
    ],
)
def test_the_first_difference_is_named(one, other, says) -> None:
    """With its place in the batch."""
    assert differ(one, other) == says


def test_sums_in_another_order_are_the_same() -> None:
    """The last digits of floating-point numbers depend on threads."""
    assert differ(T([1.0, 1e6]), T([1.0 + 1e-7, 1e6 + 0.1])) == ""
    assert differ(T([1.0]), T([1.001])) != ""


def test_copies_stay_when_memory_is_overwritten() -> None:
    """Tensors and arrays of the batch may be used again."""
    batch = {"a": torch.zeros(2), "b": np.zeros(2)}
    kept = copy_leaves(batch)
    batch["a"] += 1
    batch["b"] += 1
    assert find_difference(kept, copy_leaves({"a": torch.zeros(2), "b": np.zeros(2)})) == ""


def test_a_structure_that_holds_itself_ends() -> None:
    """Its depth is bounded."""
    loop: list[Any] = []
    loop.append(loop)
    assert len(copy_leaves(loop)) == 1
