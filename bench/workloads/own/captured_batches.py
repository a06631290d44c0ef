"""CapturedBatches: batches of a loader in memory, which an infinitely fast loader would deliver."""

from __future__ import annotations

import copy
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from bench.text import format_bytes
from loaders.data.length import find_length
from loaders.data.nested_batch import SCALARS, count_bytes, iterate_leaves, map_leaves, map_tensors

# A single batch would stay in the fastest cache, and no loader's batch is there.
FEWEST_BATCHES = 4
# Seconds after which a slow loader is asked for no more than the fewest batches, and for none at all.
LONG_CAPTURE_S, LONGEST_CAPTURE_S = 2.0, 20.0


@dataclass
class CapturedBatches:
    """Captured batches in turn, as many as an epoch has; each `iter()` is an epoch.

    Each delivery has containers of its own, so a loop may take a key out of a dict. Its tensors are those
    that were captured. Tensors that the loop writes to are copied for each delivery, or a batch would be
    another one in each turn. The first delivery shows which these are.

    Attributes:
        batches: the captured batches, at least one.
        count: number of batches in an epoch, at least 1.
        nbytes: bytes of the captured batches.
        written: places of the tensors that the loop writes to, in the order of a batch's structure; None
            until it is known.
    """

    batches: tuple[Any, ...]
    count: int
    nbytes: int
    written: frozenset[int] | None = field(default=None, init=False)

    def __iter__(self) -> Iterator[Any]:
        turns = itertools.islice(itertools.cycle(self.batches), self.count)
        if self.written is None:
            first = copy_batch(next(turns))
            tensors = _list_tensors(first)
            before = list(map(_count_changes, tensors))
            yield first
            # The loop asks for the next batch, so it is done with this one.
            pairs = zip(before, map(_count_changes, tensors), strict=True)
            self.written = frozenset(place for place, (then, now) in enumerate(pairs) if then != now)
        if not self.written and all(map(_is_fixed, self.batches)):
            yield from turns
        for batch in turns:
            yield _renew(batch, self.written)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self.count

    def __str__(self) -> str:
        held = f"{len(self.batches):,} of {self.count:,} batches"
        return f"captured {held}, {format_bytes(self.nbytes)} in memory"

    def map(self, function: Callable[[Any], Any]) -> CapturedBatches:
        """Return the same number of batches, each one the result of a function.

        Args:
            function: takes a captured batch, such as a transfer to the step's device.
        """
        return CapturedBatches(tuple(map(function, self.batches)), self.count, self.nbytes)


def capture(loader: Iterable[Any], count: int | None, most_bytes: int) -> CapturedBatches:
    """Copy the first batches of a loader, as many as fit into a bound of memory.

    A slow loader is asked for no more than four once two seconds have passed, and for no more at all after
    twenty seconds. Four are captured of batches that hold objects of unknown size, such as pictures of PIL.

    Args:
        loader: delivers the batches. Its iterator is dropped at the end.
        count: number of batches in an epoch; None for as many as the loader has, or else as were captured.
        most_bytes: most bytes of all copies. One batch is captured even if it is larger.

    Raises:
        ValueError: the loader delivers no batch.
    """
    batches: list[Any] = []
    nbytes = 0
    began_s = time.perf_counter()
    for batch in itertools.islice(loader, count):
        size, is_known = _find_size(batch)
        if batches and nbytes + size > most_bytes:
            break
        batches.append(copy_batch(batch))
        nbytes += size
        has_enough = len(batches) >= FEWEST_BATCHES
        is_late = time.perf_counter() - began_s > (LONG_CAPTURE_S if has_enough else LONGEST_CAPTURE_S)
        if is_late or (has_enough and not is_known):
            break
    if not batches:
        raise ValueError("the loader delivers no batch to capture")
    return CapturedBatches(tuple(batches), count or find_length(loader) or len(batches), nbytes)


def _find_size(batch: Any) -> tuple[int, bool]:
    """Return the bytes of a batch, and whether it holds nothing of unknown size."""
    others: list[Any] = []
    map_leaves(batch, lambda leaf: leaf, others.append)
    scalars = [other for other in others if isinstance(other, SCALARS)]
    # An object that has tensors is about as large as they are.
    is_known = all(isinstance(other, SCALARS) or count_bytes(other) for other in others)
    return count_bytes(batch) + sum(map(sys.getsizeof, scalars)), is_known


def copy_batch(batch: Any) -> Any:
    """Return a copy of a batch that shares no memory with it. A view gets only the memory that it shows."""
    memo: dict[int, Any] = {id(leaf): _copy_leaf(leaf) for leaf in iterate_leaves(batch)}
    try:
        return copy.deepcopy(batch, memo)
    # An object of the user's may hold what can't be copied, such as a lock or an open file.
    except Exception:
        return map_tensors(batch, _copy_leaf)


def _copy_leaf(leaf: Any) -> Any:
    """Return a copy of a tensor or array.

    A tensor in the host's memory gets pinned memory if it is pinned, or if this process uses a GPU: no loader
    delivers batches that are copied there faster.
    """
    if isinstance(leaf, np.ndarray):
        return leaf.copy()
    twin = leaf.detach().clone()
    on_host = twin.device.type == "cpu" and twin.layout == torch.strided
    if on_host and (leaf.is_pinned() or torch.cuda.is_initialized()):  # type: ignore[no-untyped-call]
        twin = twin.pin_memory()
    return twin.requires_grad_(leaf.requires_grad)


def _is_fixed(batch: Any) -> bool:
    """Return whether a batch has no container that a loop could change."""
    if type(batch) is tuple:
        return all(map(_is_fixed, batch))
    return isinstance(batch, torch.Tensor | np.ndarray | str | bytes | int | float | None)


def _renew(batch: Any, written: frozenset[int]) -> Any:
    """Return a batch in containers of its own, with copies of some tensors and the others as they are.

    Args:
        batch: the batch.
        written: places of the tensors to copy.
    """
    places = itertools.count()
    twin = map_tensors(batch, lambda leaf: _copy_leaf(leaf) if next(places) in written else leaf)
    return copy.copy(batch) if twin is batch else twin


def _list_tensors(batch: Any) -> list[torch.Tensor]:
    """Return the tensors of a batch, in the order of its structure."""
    found: list[torch.Tensor] = []

    def keep(leaf: torch.Tensor) -> torch.Tensor:
        found.append(leaf)
        return leaf

    map_tensors(batch, keep)
    return found


def _count_changes(tensor: torch.Tensor) -> int:
    """Return how often a tensor was written to; 0 where PyTorch doesn't count that, as in inference mode."""
    return 0 if tensor.is_inference() else tensor._version
