"""BatchFormat: the structure of batches, and the shape and dtype of a sample in each of their leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import Self

from loaders.data.errors import DataError
from loaders.data.nested_batch import Leaf, map_leaves

# Rows are copied in words of this many bytes, the widest that divides a row.
_WORDS: dict[int, type[np.integer[Any]]] = {8: np.int64, 4: np.int32, 2: np.int16, 1: np.uint8}


class SampleError(DataError):
    """Samples that can't be kept in memory: one line that says why."""


@dataclass(frozen=True)
class LeafFormat:
    """Form of the samples in one leaf of a batch.

    Attributes:
        shape: shape of a sample, which is the leaf's without its first dimension.
        dtype: torch's dtype for a tensor, numpy's for an array.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype | np.dtype[Any]

    @classmethod
    def of(cls, leaf: Leaf) -> Self:
        """Return the form of a leaf.

        Raises:
            SampleError: its memory can't be copied row by row.
        """
        if isinstance(leaf, np.ndarray):
            if type(leaf) is not np.ndarray or leaf.dtype.hasobject or not leaf.dtype.itemsize:
                _refuse(leaf)
        elif type(leaf) is not torch.Tensor or leaf.layout != torch.strided or leaf.is_quantized:
            _refuse(leaf)
        elif leaf.device.type != "cpu":
            raise SampleError(f"samples lie on {leaf.device}, not in the host's memory")
        if not leaf.ndim:
            raise SampleError("the collate function works across samples")
        return cls(tuple(leaf.shape[1:]), leaf.dtype)

    @property
    def row_bytes(self) -> int:
        """Bytes of a sample."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def word(self) -> type[np.integer[Any]]:
        """Widest integer type whose size divides a row."""
        return next(word for size, word in _WORDS.items() if self.row_bytes % size == 0)

    @property
    def row_words(self) -> tuple[int, ...]:
        """Shape of a row in words; () for a single word."""
        words = self.row_bytes // np.dtype(self.word).itemsize
        return () if words == 1 else (words,)

    def view_words(self, leaf: Leaf) -> NDArray[Any]:
        """Return the rows of a leaf as words, (rows,) or (rows, words); a copy where it isn't contiguous."""
        rows = leaf.shape[0]
        if isinstance(leaf, torch.Tensor):
            flat = leaf.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
            data: NDArray[Any] = flat.view(torch.uint8).numpy()
        else:
            data = np.ascontiguousarray(leaf).reshape(-1).view(np.uint8)
        return data.view(self.word).reshape(rows, *self.row_words)

    def view_leaf(self, data: torch.Tensor, rows: int) -> Leaf:
        """Return bytes as the leaf that they hold.

        Args:
            data: uint8 (rows × row_bytes,). A tensor leaf shares its version.
            rows: the number of samples.
        """
        if isinstance(self.dtype, torch.dtype):
            if not self.row_bytes:
                return torch.empty((rows, *self.shape), dtype=self.dtype, device="cpu")
            return data.view(self.dtype).view(rows, *self.shape)
        array: NDArray[Any] = data.numpy().view(self.dtype).reshape(rows, *self.shape)
        return array


@dataclass(frozen=True, eq=False)
class BatchFormat:
    """Structure of batches, and the form of the samples in each of their leaves.

    Attributes:
        template: a batch of this structure without samples.
        leaves: form of each leaf, in the order of the structure.
    """

    template: Any
    leaves: tuple[LeafFormat, ...]

    @classmethod
    def of(cls, batch: Any) -> Self:
        """Return the format of a batch.

        Raises:
            SampleError: it holds something that can't be copied row by row.
        """
        leaves: list[LeafFormat] = []

        def keep(leaf: Leaf) -> Leaf:
            leaves.append(LeafFormat.of(leaf))
            return leaf[:0]

        template = map_leaves(batch, keep, _refuse)
        if not leaves or type(template) is not type(batch):
            _refuse(batch)
        return cls(template, tuple(leaves))

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample."""
        return sum(leaf.row_bytes for leaf in self.leaves)

    def split(self, batch: Any, rows: int) -> list[Leaf]:
        """Return the leaves of a batch.

        Args:
            batch: a batch.
            rows: the number of samples that it must have.

        Raises:
            SampleError: it has another format or another number of samples.
        """
        if not self.has(batch):
            raise SampleError("samples differ in shape")
        leaves: list[Leaf] = []

        def keep(leaf: Leaf) -> Leaf:
            leaves.append(leaf)
            return leaf

        map_leaves(batch, keep)
        if any(leaf.shape[0] != rows for leaf in leaves):
            raise SampleError("the collate function works across samples")
        return leaves

    def has(self, batch: Any) -> bool:
        """Return whether a batch has this format. The number of its samples may differ."""
        other = BatchFormat.of(batch)
        return other.leaves == self.leaves and _outline(other.template) == _outline(self.template)

    def join(self, leaves: Sequence[Leaf]) -> Any:
        """Return the batch that consists of these leaves."""
        following = iter(leaves)
        return map_leaves(self.template, lambda _: next(following))


def _outline(template: Any) -> Any:
    """Return a structure that compares equal for templates of the same structure."""
    if isinstance(template, torch.Tensor | np.ndarray):
        return None
    if isinstance(template, Mapping):
        return type(template), [(key, _outline(part)) for key, part in template.items()]
    if isinstance(template, tuple | list):
        return type(template), [_outline(part) for part in template]
    # Other containers, such as a dataclass, have as many leaves as their class says.
    return type(template)


def _refuse(value: Any) -> Any:
    del value
    raise SampleError("samples hold something else than tensors, arrays and numbers")
