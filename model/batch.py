"""Batch: the input of a step."""

from __future__ import annotations

from torch import Tensor

Batch = tuple[Tensor, Tensor]
"""Images, float32 (B, 1, H, W) in [0, 1], and labels, int64 (B,), both on the step's device."""
