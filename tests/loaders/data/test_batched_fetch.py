"""Datasets that fetch the samples of a batch at once."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import Dataset, Subset, TensorDataset

from loaders.data.batched_fetch import fetches_batches


class Batched(Dataset):
    """A dataset with the method that DataLoader looks for."""

    def __getitems__(self, indices: list[int]) -> list[int]:
        return indices


class Hidden(Dataset):
    """A dataset that hides the method of its base."""

    __getitems__ = None


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (Batched(), True),
        (Hidden(), False),
        (TensorDataset(torch.zeros(3)), False),
        # A Subset has the method whatever it is of.
        (Subset(Batched(), [0]), True),
        (Subset(TensorDataset(torch.zeros(3)), [0]), False),
        (Subset(Subset(Batched(), [0]), [0]), True),
    ],
)
def test_a_subset_is_what_it_is_of(dataset, expected) -> None:
    """DataLoader asks for the samples of a batch one by one elsewhere."""
    assert fetches_batches(dataset) is expected
