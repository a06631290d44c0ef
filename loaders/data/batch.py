"""Batch: images and labels, as every loader delivers them."""

from __future__ import annotations

import torch

Batch = tuple[torch.Tensor, torch.Tensor]
"""Images, float32 (B, 1, H, W) in [0, 1], and labels, int64 (B,)."""
