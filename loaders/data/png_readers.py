"""Readers of PNG files: PIL's and torchvision's own."""

from __future__ import annotations

import io
import warnings

import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_image, read_file


def read_with_pil(path: str) -> Image.Image:
    """Return the picture in a file, in 8-bit grey."""
    with open(path, "rb") as file:  # noqa: PTH123  # as ImageFolder's own loader does
        return Image.open(file).convert("L")


def read_with_torchvision(path: str) -> torch.Tensor:
    """Return the picture in a file: uint8 (1, H, W)."""
    return decode_with_torchvision(read_file(path))


def decode_with_torchvision(png: torch.Tensor) -> torch.Tensor:
    """Decode the bytes of a file, uint8 (length,), to uint8 (1, H, W)."""
    pixels: torch.Tensor = decode_image(png, mode=ImageReadMode.GRAY)
    return pixels


def torchvision_reads_png() -> bool:
    """Return whether this torchvision has a PNG reader, by calling it.

    Some are built without one, and 0.29 deprecates it in favour of TorchCodec.
    """
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            decode_with_torchvision(torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8))
        except (RuntimeError, AttributeError):
            return False
    return True
