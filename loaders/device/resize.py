"""Resize of whole batches: bilinear and antialiased, as two small matrix products.

The resize is linear, and the same for each row and each column of a picture: R x Cᵀ, where R and C are the
weights of torch's own resize.
"""

from __future__ import annotations

import functools

import torch
from torch.nn.functional import interpolate

CPU = torch.device("cpu")


@functools.lru_cache(8)
def weights(inputs: int, outputs: int, device: torch.device = CPU) -> torch.Tensor:
    """Return the weight of each input pixel in each output pixel.

    The weights are read off torch's own resize of the identity matrix: column k then holds the weights of
    input pixel k.

    Args:
        inputs: pixels of a side before the resize.
        outputs: pixels of that side after it.
        device: device of the result.

    Returns:
        float32 (outputs, inputs); each row sums to 1.
    """
    # Kept for later calls, so it must be no inference tensor.
    with torch.inference_mode(False):
        picture = torch.eye(inputs, dtype=torch.float32, device=CPU).view(1, 1, inputs, inputs)
        made = interpolate(picture, (outputs, inputs), mode="bilinear", antialias=True)[0, 0].contiguous()
        return made.to(device)


def resize(images: torch.Tensor, side: int, out: torch.Tensor | None = None) -> torch.Tensor:
    """Resize pictures, within 1e-6 of `interpolate(..., mode="bilinear", antialias=True)`.

    Args:
        images: float32 (B, H, W) in [0, 1].
        side: side of the result in pixels.
        out: float32 (B, side, side) to write to; None makes it.

    Returns:
        float32 (B, side, side) in [0, 1]; `out` where it is given.
    """
    rows, columns = (weights(inputs, side, images.device) for inputs in images.shape[1:])
    resized = torch.matmul(rows, torch.matmul(images, columns.t()), out=out)
    # Rounded weights can sum to slightly more than 1.
    return resized.clamp_(max=1)
