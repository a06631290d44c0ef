"""Comparison of a sample with itself, as it was fetched before."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bench.workloads.audit.batch_difference import Leaf, find_difference

# Largest difference of two numbers beside the largest number of a sample, for samples that are the same.
NEAR = 1e-5


def are_same(leaves: list[Leaf], others: list[Leaf]) -> bool:
    """Return whether two batches hold the same values, but for what the order of a sum decides.

    Args:
        leaves: values of one batch.
        others: values of the other.
    """
    if find_difference(leaves, others):
        return False
    # That allows an absolute difference, which would hide all of a sample of small numbers.
    return all(_are_near(one.value, other.value) for one, other in zip(leaves, others, strict=True))


def _are_near(value: Any, other: Any) -> bool:
    """Return whether numbers differ by little beside the largest of them; True for other values."""
    if isinstance(value, np.ndarray) and value.dtype in (np.float16, np.float32, np.float64):
        value, other = torch.from_numpy(value), torch.from_numpy(other)
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided or not value.numel():
        return True
    if not value.is_floating_point() or torch.equal(value, other):
        return True
    one, two = (part.double().nan_to_num(0, 0, 0) for part in (value, other))
    return bool((one - two).abs().max() <= NEAR * two.abs().max())
