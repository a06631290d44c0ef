"""SampleHasher: the samples of an epoch in any order, known by what they hold."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.workloads.audit.own_observation import OwnObservation, SampleHashes
from loaders.data.nested_batch import Leaf, count_samples, iterate_leaves

HASH_BYTES = 16
# Hashes that are kept to find equal samples: some 60 MB.
MOST_KEPT = 500_000

# Samples of which some can't be told apart.
UNTOLD = SampleHashes(0, "", None)


class SampleHasher:
    """Hashes each sample of an epoch by its rows in the tensors and arrays of its batch."""

    def __init__(self) -> None:
        """Begin an epoch."""
        self._samples = 0
        self._sum = 0
        self._repeated = 0
        self._known: set[int] | None = set()
        self._is_told = True

    def add(self, batch: Any) -> None:
        """Take the samples of a batch."""
        number = count_samples(batch)
        rows = [_view_rows(leaf) for leaf in iterate_leaves(batch) if leaf.ndim and leaf.shape[0] == number]
        if not number or not rows:
            self._is_told = False
            return
        self._samples += number
        for place in range(number):
            code = hashlib.blake2b(digest_size=HASH_BYTES)
            for part in rows:
                code.update(part[place].data)
            self._keep(int.from_bytes(code.digest(), "little"))

    def find_result(self) -> SampleHashes | None:
        """Return the hashes of all samples; None where those of some batch can't be told apart."""
        if not self._is_told:
            return None
        digest = f"{self._sum % 2 ** (8 * HASH_BYTES):0{2 * HASH_BYTES}x}"
        return SampleHashes(self._samples, digest, None if self._known is None else self._repeated)

    def _keep(self, code: int) -> None:
        self._sum += code
        if self._known is None:
            return
        if code in self._known:
            self._repeated += 1
        elif len(self._known) < MOST_KEPT:
            self._known.add(code)
        else:
            self._known = None


class HashInspector:
    """Hashes the samples of every batch, off the clock."""

    def start_over(self) -> None:
        """Begin a new epoch."""
        self._hasher = SampleHasher()

    def __call__(self, batch: Any, elapsed_ns: int) -> int:
        """Hash the samples of a batch; return 0 for another one at once."""
        del elapsed_ns
        self._hasher.add(batch)
        return 0

    def observe(self, batches: int, samples: int) -> OwnObservation:
        """Return the observation of an epoch."""
        return OwnObservation(batches, samples, hashes=self._hasher.find_result() or UNTOLD)


def _view_rows(leaf: Leaf) -> NDArray[np.uint8]:
    """Return the bytes of a leaf, uint8 (rows, bytes)."""
    if isinstance(leaf, np.ndarray):
        tensor = torch.from_numpy(np.ascontiguousarray(leaf).view(np.uint8).reshape(len(leaf), -1))
    else:
        tensor = leaf.detach().cpu().contiguous().reshape(len(leaf), -1)
    if not tensor.numel():
        return np.empty((len(leaf), 0), np.uint8)
    array: NDArray[np.uint8] = tensor.view(torch.uint8).numpy()
    return array
