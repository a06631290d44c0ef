"""Resize on whole batches: bilinear and antialiased, as two small matrix products.

Such a resize is linear, and the same for every row and every column of a picture: R x Cᵀ, with R and C the
weights that torch itself uses.
"""

from __future__ import annotations

import functools

import torch
from torch.nn.functional import interpolate

CPU = torch.device("cpu")


@functools.lru_cache(8)
def weights(inputs: int, outputs: int, device: torch.device = CPU) -> torch.Tensor:
    """What each of `outputs` pixels takes of each of `inputs`: float32 (outputs, inputs), rows that sum to 1.

    Read off torch's own resize, so that they are its very weights: each column of this picture has one pixel
    of 1, and its width stays.
    """
    picture = torch.eye(inputs, dtype=torch.float32, device=CPU).view(1, 1, inputs, inputs)
    made = interpolate(picture, (outputs, inputs), mode="bilinear", antialias=True)[0, 0].contiguous()
    return made.to(device)


def resize(images: torch.Tensor, side: int, out: torch.Tensor | None = None) -> torch.Tensor:
    """Resize float32 (B, H, W) in [0, 1] to (B, side, side), into `out` where it is given.

    Within 1e-6 of `interpolate(..., mode="bilinear", antialias=True)`.
    """
    rows, columns = (weights(inputs, side, images.device) for inputs in images.shape[1:])
    resized = torch.matmul(rows, torch.matmul(images, columns.t()), out=out)
    # Weights that are rounded can sum to a hair over 1: keep the range that was promised.
    return resized.clamp_(max=1)
