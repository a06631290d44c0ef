"""Numbered pictures: each shows its own number, so that a test knows which sample it is."""

from __future__ import annotations

from pathlib import Path

import torch

from loaders.data.image_split import ImageSplit

CLASSES = tuple("abcdefghij")


def numbered_source(samples: int = 300, side: int = 28, folder: Path | None = None) -> ImageSplit:
    """Return pictures that show their own number: the high byte in the upper half, the low byte in the lower.

    The middle of each half keeps its grey through any resize. Labels follow from the number.

    Args:
        samples: the number of pictures.
        side: their height and width in pixels.
        folder: where loaders keep files; default None.
    """
    numbers = torch.arange(samples)
    images = torch.empty((samples, side, side), dtype=torch.uint8)
    images[:, : side // 2] = (numbers // 256).to(torch.uint8)[:, None, None]
    images[:, side // 2 :] = (numbers % 256).to(torch.uint8)[:, None, None]
    return ImageSplit("numbered", "0" * 64, images, label_of(numbers), CLASSES, folder)


def label_of(numbers: torch.Tensor) -> torch.Tensor:
    """Return the label of each numbered sample; it changes under a shift of the numbers by ten."""
    return (numbers * 7 + numbers // 10) % len(CLASSES)


def numbers_of(images: torch.Tensor) -> torch.Tensor:
    """Return the numbers that pictures show: float (B, 1, H, W) in [0, 1]."""
    side = images.shape[-1]
    levels = (images * 255).round().to(torch.int64)
    return levels[:, 0, side // 8, side // 2] * 256 + levels[:, 0, side - 1 - side // 8, side // 2]
