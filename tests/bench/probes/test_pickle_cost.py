"""The pickle of a DataLoader's parts, as a worker that isn't forked gets it."""

from __future__ import annotations

import threading

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from bench.probes import pickle_cost
from bench.probes.pickle_cost import measure_pickle


class Arrays:
    """A dataset of arrays."""

    def __init__(self, size: int) -> None:
        self.data = np.zeros(size, np.uint8)

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        return index


def measure_bytes(dataset) -> int:
    found = measure_pickle(DataLoader(dataset))
    assert found is not None
    assert found[1] > 0
    return found[0]


def test_arrays_are_pickled_and_tensors_are_not() -> None:
    """Tensors cross in shared memory, and the user's own stay where they are."""
    assert measure_bytes(Arrays(100_000)) - measure_bytes(Arrays(0)) >= 100_000
    tensor = torch.zeros(100_000)
    assert measure_bytes(TensorDataset(tensor)) < 10_000
    assert not tensor.is_shared()


def test_what_cannot_be_pickled_has_no_cost(monkeypatch) -> None:
    """Nor has what takes too long."""
    locked = Arrays(1)
    locked.lock = threading.Lock()
    assert measure_pickle(DataLoader(locked)) is None
    assert measure_pickle(DataLoader(Arrays(1), collate_fn=lambda samples: samples)) is None
    monkeypatch.setattr(pickle_cost, "LONGEST_S", -1.0)
    assert measure_pickle(DataLoader(Arrays(1))) is None
