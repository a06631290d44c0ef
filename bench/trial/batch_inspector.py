"""BatchInspector: inspects batches of an epoch, enough of each to identify its samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.trial.epoch_observation import EpochObservation
from bench.trial.pixel_grid import PixelGrid
from loaders.data.batch import Batch

# Share of an epoch's time that the inspections of a timed epoch may take.
BUDGET = 0.002
# The first whole pictures are taken to cost this many times what the pixels on the grid did.
WHOLE_COST = 10
# An inspection that took longer than this many others was interrupted, by page faults for instance.
INTERRUPTED = 8
# A time that no epoch takes, in nanoseconds.
NEVER = 2**62


class BatchInspector:
    """Inspects delivered batches after their step, and keeps the pixels that identify their samples.

    It inspects the first batch, and then another one as soon as its budget pays for it. The batches of a slow
    loader are all inspected. Of a fast loader's, a few are.

    Attributes:
        spent_ns: CPU time of all inspections of this epoch, in nanoseconds.
    """

    def __init__(
        self,
        grid: PixelGrid,
        shape: tuple[int, ...],
        samples: int,
        *,
        budget: float = BUDGET,
        clock: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        """Prepare for epochs of one loader.

        Args:
            grid: pixels to keep of each picture.
            shape: expected shape of a picture, (1, H, W).
            samples: expected number of samples; further ones are not inspected.
            budget: share of the epoch's time that inspections may take; inf inspects every batch in whole.
            clock: CPU time of this thread in nanoseconds, so that other processes cost no budget.
        """
        self._where = (slice(None), 0, grid.rows, grid.columns)
        self._shape = shape
        self._budget = budget
        self._clock = clock
        # Room for all samples at once. Small arrays, made batch by batch, would lie between a loader's
        # batches and keep it from using the same memory again.
        picture = np.empty(shape[1:], np.bool_)[grid.rows, grid.columns]
        self._pixels = np.empty((samples, *picture.shape), np.float32)
        self._labels = np.empty(samples, np.int64)
        self._means = np.empty(samples, np.float32)
        self._seen = 0
        self._sizes: list[int] = []
        # The first call takes several times as long as later ones, so it is made before any clock starts.
        one = min(1, samples)
        self._keep(np.zeros((one, *shape), np.float32), np.zeros(one, np.int64), np.nan)
        self.start_over()

    def start_over(self) -> None:
        """Begin a new epoch. This overwrites the observations of earlier ones."""
        self.spent_ns = 0
        self._whole_ns = 0
        self._seen = 0
        self._sizes = []
        self._low = self._high = 0.0
        self._format_error: str | None = None

    def __call__(self, batch: Batch, elapsed_ns: int) -> int:
        """Inspect a batch.

        Args:
            batch: pictures, expected float32 (B, 1, H, W) in [0, 1] on the CPU, and labels, expected int64
                (B,).
            elapsed_ns: time since the epoch began, in nanoseconds.

        Returns:
            The time since the epoch began from which on another batch may be inspected, in nanoseconds.
        """
        began = self._clock()
        images, labels = batch
        # numpy's indexing takes a third of the time of torch's where caches are cold.
        try:
            pixels, own = images.numpy(), labels.numpy()
        except (TypeError, RuntimeError):
            if images.device.type == labels.device.type == "cpu":
                self._format_error = f"batches that can't be read, of {images.dtype} and {labels.dtype}"
            return NEVER
        if self._has_format_error(pixels, own) or self._seen + len(own) > len(self._labels):
            return NEVER
        self._keep(pixels, own, self._read_whole(pixels, elapsed_ns, began))
        took_ns, inspections = self._clock() - began, len(self._sizes)
        # The first two may take long by themselves.
        if inspections > 2:
            took_ns = int(min(took_ns, INTERRUPTED * self.spent_ns / inspections))
        self.spent_ns += took_ns
        return int((self.spent_ns + self.spent_ns / inspections) / self._budget)

    def observe(self, batches: int, samples: int) -> EpochObservation:
        """Return the observation of an epoch. It is a view, valid until the next epoch starts.

        Args:
            batches: number of batches that the epoch delivered.
            samples: number of samples that it delivered.
        """
        return EpochObservation(
            pixels=self._pixels[: self._seen],
            labels=self._labels[: self._seen],
            means=self._means[: self._seen],
            sizes=tuple(self._sizes),
            low=self._low,
            high=self._high,
            format_error=self._format_error,
            batches=batches,
            samples=samples,
        )

    def _keep(
        self, pixels: NDArray[np.float32], labels: NDArray[np.int64], means: NDArray[np.float32] | float
    ) -> None:
        end = self._seen + len(labels)
        self._pixels[self._seen : end] = pixels[self._where]
        self._labels[self._seen : end] = labels
        self._means[self._seen : end] = means
        self._seen = end
        self._sizes.append(len(labels))

    def _read_whole(
        self, pixels: NDArray[np.float32], elapsed_ns: int, began: int
    ) -> NDArray[np.float32] | float:
        """Return each picture's mean, and note the range of all pixels.

        Returns NaN if half of the budget doesn't pay for it.
        """
        ready = self._clock()
        whole_ns = self._whole_ns or WHOLE_COST * (ready - began)
        if not pixels.size or self.spent_ns + ready - began + whole_ns > self._budget / 2 * elapsed_ns:
            return np.nan
        # torch takes a third of the time where it is alone. Beside workers its threads wait for each other by
        # spinning, which takes milliseconds.
        means: NDArray[np.float32] = pixels.reshape(len(pixels), -1).mean(axis=1)
        # Python's own min and max would pass over NaN.
        self._low = float(np.minimum(self._low, pixels.min()))
        self._high = float(np.maximum(self._high, pixels.max()))
        self._whole_ns = self._clock() - ready
        return means

    def _has_format_error(self, pixels: NDArray[Any], labels: NDArray[Any]) -> bool:
        """Return whether the batch has another form than expected, and note the difference in words."""
        if pixels.dtype != np.float32:
            self._format_error = f"pictures of dtype {pixels.dtype} instead of float32"
        elif labels.dtype != np.int64:
            self._format_error = f"labels of dtype {labels.dtype} instead of int64"
        elif pixels.shape[1:] != self._shape:
            self._format_error = (
                f"pictures of shape {_format_shape(pixels.shape[1:])} instead of {_format_shape(self._shape)}"
            )
        elif labels.shape != pixels.shape[:1]:
            self._format_error = (
                f"labels of shape {_format_shape(labels.shape)} beside {len(pixels)} pictures"
            )
        return self._format_error is not None


def _format_shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "()"
