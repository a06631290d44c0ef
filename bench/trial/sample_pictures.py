"""Sample pictures: the first samples of a batch as PNG files, where samples are pictures."""

from __future__ import annotations

import io
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.records.delivered_pictures import DeliveredPictures, SamplePicture
from loaders.data.nested_batch import iterate_leaves

MOST_PICTURES = 8
# Larger pictures are made smaller, so that a page stays small.
MOST_PIXELS = 96
LEAST_PIXELS = 8
# A picture that is longer than that many times its width is a signal or a text.
MOST_ASPECT = 8
CHANNELS = (1, 3)
# float32 rounds.
TOLERANCE = 1e-6


class PictureKeeper:
    """Keeps samples of the first batch that it sees, off the clock.

    Nothing that goes wrong with pictures costs an audit or a figure.
    """

    def __init__(self) -> None:
        """Wait for a batch."""
        self._has_seen = False
        self._samples: tuple[NDArray[Any], list[str]] | None = None

    def __call__(self, batch: Any) -> None:
        """Take a batch; copy samples of the first one."""
        if not self._has_seen:
            self._has_seen = True
            self._samples = _find_samples(batch)

    def attach_to(self, observation: Any) -> Any:
        """Return the observation of an epoch with the pictures, once; without a place for them, as it is.

        Args:
            observation: dataclass with the attribute `pictures`, or another observation.
        """
        samples, self._samples = self._samples, None
        if samples is None or not is_dataclass(observation) or isinstance(observation, type):
            return observation
        if all(field.name != "pictures" for field in fields(observation)):
            return observation
        return replace(observation, pictures=_encode(*samples))


def draw_samples(batch: Any) -> DeliveredPictures | None:
    """Return the first samples of a batch as pictures; None where they are none."""
    samples = _find_samples(batch)
    return None if samples is None else _encode(*samples)


def _find_samples(batch: Any) -> tuple[NDArray[Any], list[str]] | None:
    """Return copies of the first pictures of a batch, (n, H, W) or (n, H, W, 3), and their labels."""
    try:
        leaves = [leaf for leaf in iterate_leaves(batch) if isinstance(leaf, np.ndarray) or _is_dense(leaf)]
        pictures = next((leaf for leaf in leaves if _is_pictures(leaf)), None)
        if pictures is None:
            return None
        labels = next((leaf for leaf in leaves if _is_labels(leaf, len(pictures))), None)
        numbers = [] if labels is None else [str(int(label)) for label in labels[:MOST_PICTURES]]
        return _copy(pictures), numbers
    # A user's batch may be anything.
    except Exception:
        return None


def _is_dense(leaf: torch.Tensor) -> bool:
    return leaf.layout == torch.strided and not leaf.is_nested


def _is_pictures(leaf: Any) -> bool:
    """Return whether a leaf holds pictures: (B, C, H, W) or (B, H, W, C), or (B, H, W) of bytes."""
    shape = tuple(leaf.shape)
    is_bytes = str(leaf.dtype).endswith("uint8")
    if not shape or not shape[0] or not (is_bytes or "float" in str(leaf.dtype)):
        return False
    if len(shape) == 4 and shape[1] in CHANNELS:
        height, width = shape[2:]
    elif len(shape) == 4 and shape[3] in CHANNELS:
        height, width = shape[1:3]
    elif len(shape) == 3 and is_bytes:
        height, width = shape[1:]
    else:
        return False
    short, long = sorted((height, width))
    return bool(short >= LEAST_PIXELS and long <= MOST_ASPECT * short)


def _is_labels(leaf: Any, count: int) -> bool:
    is_whole = "int" in str(leaf.dtype)
    return is_whole and tuple(leaf.shape) == (count,)


def _copy(pictures: Any) -> NDArray[Any]:
    """Return a copy of the first pictures with the channels last."""
    first = pictures[:MOST_PICTURES]
    if isinstance(first, torch.Tensor):
        first = first.detach().to("cpu")
        # numpy has no bfloat16.
        first = (first if first.dtype == torch.uint8 else first.float()).numpy()
    copied = np.array(first)
    if copied.ndim == 4 and copied.shape[1] in CHANNELS:
        copied = np.moveaxis(copied, 1, -1)
    return copied


def _encode(samples: NDArray[Any], labels: list[str]) -> DeliveredPictures | None:
    """Return samples as PNG files.

    Args:
        samples: pictures, (n, H, W) or (n, H, W, C), with values of any range.
        labels: their labels; empty where there are none.
    """
    try:
        from PIL import Image

        dtype, channels = str(samples.dtype), samples.shape[3] if samples.ndim == 4 else 1
        shape = f"{channels}x{samples.shape[1]}x{samples.shape[2]}"
        low, high = _find_range(samples)
        levels = (samples.astype(np.float32) - low) / ((high - low) or 1.0) * 255
        pixels = np.nan_to_num(levels).clip(0, 255).round().astype(np.uint8)
        if channels == 1:
            pixels = pixels.reshape(pixels.shape[:3])
        pictures = []
        for place, values in enumerate(pixels):
            image = Image.fromarray(values)
            image.thumbnail((MOST_PIXELS, MOST_PIXELS))
            file = io.BytesIO()
            image.save(file, format="PNG", optimize=True)
            pictures.append(SamplePicture(file.getvalue(), labels[place] if labels else ""))
        return DeliveredPictures(tuple(pictures), shape, dtype, low, high)
    # Without pictures a page shows the rest.
    except Exception:
        return None


def _find_range(samples: NDArray[Any]) -> tuple[float, float]:
    """Return the values that are drawn as black and as white."""
    if samples.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(np.nanmin(samples)), float(np.nanmax(samples))
    if low >= -TOLERANCE and high <= 1 + TOLERANCE:
        return 0.0, 1.0
    return low, high
