"""Batch: what every loader delivers."""

from __future__ import annotations

import torch

# images, float32 (B, 1, H, W) in [0, 1], and labels, int64 (B,)
Batch = tuple[torch.Tensor, torch.Tensor]
