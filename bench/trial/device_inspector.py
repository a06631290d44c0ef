"""DeviceInspector: inspects every batch of an epoch on the device."""

from __future__ import annotations

import numpy as np
import torch

from bench.trial.epoch_observation import EpochObservation
from bench.trial.pixel_grid import PixelGrid
from loaders.data.batch import Batch


class DeviceInspector:
    """Keeps, on the device, the pixels and labels that identify the samples of every batch.

    They are read when the epoch is over. A wait for the device in each batch would hide a batch that is used
    before it has arrived.
    """

    def __init__(self, grid: PixelGrid, shape: tuple[int, ...], samples: int, device: str) -> None:
        """Make room for one epoch.

        Args:
            grid: pixels to keep of each picture.
            shape: expected shape of a picture, (1, H, W).
            samples: expected number of samples; further ones are not inspected.
            device: device of the batches, such as `cuda`.
        """
        self._where = (slice(None), 0, grid.rows, grid.columns)
        self._shape = shape
        self._sizes: list[int] = []
        self._seen = 0
        self._format_error: str | None = None
        picture = torch.empty(shape[1:])[grid.rows, grid.columns].shape
        self._pixels = torch.empty((samples, *picture), device=device)
        self._labels = torch.empty(samples, dtype=torch.int64, device=device)
        self._range = torch.zeros(2, device=device)

    def __call__(self, batch: Batch) -> None:
        """Inspect a batch.

        Args:
            batch: pictures, expected float32 (B, 1, H, W) in [0, 1], and labels, expected int64 (B,).
        """
        images, labels = batch
        seen = self._seen
        end = seen + len(labels)
        if images.dtype != torch.float32 or images.shape[1:] != self._shape or labels.dtype != torch.int64:
            self._format_error = (
                f"batches of {images.dtype} {tuple(images.shape)} and {labels.dtype} on the device"
            )
        if self._format_error is not None or end > len(self._labels):
            return
        self._pixels[seen:end].copy_(images[self._where])
        self._labels[seen:end].copy_(labels)
        low, high = self._range.unbind()
        torch.minimum(low, images.min(), out=low)
        torch.maximum(high, images.max(), out=high)
        self._sizes.append(len(labels))
        self._seen = end

    def observe(self, batches: int, samples: int) -> EpochObservation:
        """Return the observation of the epoch; this waits for the device.

        Args:
            batches: number of batches that the epoch delivered.
            samples: number of samples that it delivered.
        """
        seen = self._seen
        low, high = self._range.tolist()
        return EpochObservation(
            pixels=self._pixels[:seen].cpu().numpy(),
            labels=self._labels[:seen].cpu().numpy(),
            means=np.full(seen, np.nan, np.float32),
            sizes=tuple(self._sizes),
            low=low,
            high=high,
            format_error=self._format_error,
            batches=batches,
            samples=samples,
        )
