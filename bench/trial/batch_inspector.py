"""Witness: sees the batches of a timed epoch, enough of each to know its samples, at under 1% of the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.trial.epoch_observation import EpochObservation
from bench.trial.pixel_grid import PixelGrid

# What looks may take of an epoch's time so far to see every batch, and beyond it of all its time, so that a
# few dear looks end nothing. Once they take more, the epoch is repeated for the audit, and spots will do.
BUDGET, DEBT, SPOT_CHECK = 0.0085, 0.0015, 0.002
# Or what they may take of the time in which the loop's thread did nothing, as it waited for workers. That
# it lengthens nothing there is the idea; it was not told from a percent on two noisy cores.
OF_IDLE = 0.04
# A time that no epoch takes.
NEVER = 2**62


class BatchInspector:
    """Looks at delivered batches after their step, and keeps what tells their samples.

    It looks at every batch while all looks together take no more than about `budget` of the epoch's time so
    far, or little of the time that the loop waited for others. Once they do, which a fast loader's do within
    a few batches, it only checks spots, for less. inf looks at every batch, and in whole.

    samples: how many there should be; what is delivered beyond goes by unseen. background: whether batches
    are made while the loop is elsewhere; if not, it has no time to spare, even where it waits. clock: CPU
    time of this thread in nanoseconds, so that a look that another process breaks into isn't charged for
    that; tests inject their own. spent_ns: what all looks have taken, on that clock.
    """

    def __init__(
        self,
        grid: PixelGrid,
        shape: tuple[int, ...],
        samples: int,
        *,
        budget: float = BUDGET,
        background: bool = False,
        clock: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self._where = (slice(None), 0, grid.rows, grid.columns)
        self._shape = shape
        self._given_budget = budget
        self._of_idle = OF_IDLE if background else 0.0
        self._clock = clock
        # Room for all at once: what is kept piece by piece lies between a loader's batches, which then find
        # no room where the one before was, and take new memory from the system, at several times the cost.
        picture = np.empty(shape[1:], np.bool_)[grid.rows, grid.columns]
        self._pixels = np.empty((samples, *picture.shape), np.float32)
        self._labels = np.empty(samples, np.int64)
        self._means = np.empty(samples, np.float32)
        self._seen = 0
        self._sizes: list[int] = []
        # Before any clock starts: the first look would take several times as long as those after it.
        self._keep(
            np.zeros((min(1, samples), *shape), np.float32), np.zeros(min(1, samples), np.int64), np.nan
        )
        self.start_over()

    def start_over(self) -> None:
        """Begin a new epoch, in the same room: records of the ones before are overwritten."""
        self.spent_ns = 0
        self._budget = self._given_budget
        self._whole_ns = 0
        self._seen = 0
        self._sizes = []
        self._low = self._high = 0.0
        self._format_error: str | None = None
        self._began_ns = self._clock()

    def __call__(self, images: torch.Tensor, labels: torch.Tensor, elapsed_ns: int) -> int:
        """Look at a batch; elapsed_ns: how long the epoch has taken so far.

        Returns how long the epoch must have taken for the next look: until then, no call is needed.
        """
        began = self._clock()
        # Of all the epoch's time, by the samples that are still to come.
        forecast_ns = elapsed_ns * len(self._labels) / max(1, self._seen, len(labels))
        idle_ns = elapsed_ns - (began - self._began_ns)
        allowed_ns = max(self._budget * elapsed_ns, self._of_idle * idle_ns)
        if self.spent_ns > allowed_ns + DEBT * forecast_ns:
            self._budget = SPOT_CHECK
            return int(self.spent_ns / self._budget)
        # After a wait, with cold caches, the way to a look is as dear as the look: numpy's is the shortest.
        try:
            pixels, own = images.numpy(), labels.numpy()
        except (TypeError, RuntimeError):
            if images.device.type == labels.device.type == "cpu":
                self._format_error = f"batches that can't be read, of {images.dtype} and {labels.dtype}"
            return NEVER
        if self._has_format_error(pixels, own) or self._seen + len(own) > len(self._labels):
            return NEVER
        self._keep(pixels, own, self._look_at_all(pixels, elapsed_ns, began))
        took_ns, looks = self._clock() - began, len(self._sizes)
        # Many times the mean isn't the look's own: the system did something else on this thread's time.
        self.spent_ns += took_ns if looks < 3 else int(min(took_ns, 8 * self.spent_ns / looks))
        if self._budget != SPOT_CHECK:
            return 0
        return int((self.spent_ns + self.spent_ns / len(self._sizes)) / self._budget)

    def _keep(
        self, pixels: NDArray[np.float32], labels: NDArray[np.int64], means: NDArray[np.float32] | float
    ) -> None:
        end = self._seen + len(labels)
        self._pixels[self._seen : end] = pixels[self._where]
        self._labels[self._seen : end] = labels
        self._means[self._seen : end] = means
        self._seen = end
        self._sizes.append(len(labels))

    def _look_at_all(
        self, pixels: NDArray[np.float32], elapsed_ns: int, began: int
    ) -> NDArray[np.float32] | float:
        """Each picture's mean, and the range of them all, where half of the budget pays for it; else NaN."""
        looked = self._clock()
        # The first is taken to be dear.
        whole_ns = self._whole_ns or 10 * (looked - began)
        if not pixels.size or self.spent_ns + looked - began + whole_ns > self._budget / 2 * elapsed_ns:
            return np.nan
        # numpy's, though torch's takes a third of the time where it is alone: its threads wait for each other
        # by spinning, and beside workers that want the cores, for milliseconds.
        means: NDArray[np.float32] = pixels.reshape(len(pixels), -1).mean(axis=1)
        # numpy's, since Python's own min and max pass over what is no number.
        self._low = float(np.minimum(self._low, pixels.min()))
        self._high = float(np.maximum(self._high, pixels.max()))
        self._whole_ns = self._clock() - looked
        return means

    def record(self, batches: int, samples: int) -> EpochObservation:
        """What was seen of an epoch that delivered so many; a view, until the next one."""
        return EpochObservation(
            pixels=self._pixels[: self._seen],
            labels=self._labels[: self._seen],
            means=self._means[: self._seen],
            sizes=tuple(self._sizes),
            low=self._low,
            high=self._high,
            odd=self._format_error,
            batches=batches,
            samples=samples,
        )

    def _has_format_error(self, pixels: NDArray[Any], labels: NDArray[Any]) -> bool:
        """Whether the batch has another form than it should; that is kept in words."""
        if pixels.dtype != np.float32:
            self._format_error = f"pictures of dtype {pixels.dtype} instead of float32"
        elif labels.dtype != np.int64:
            self._format_error = f"labels of dtype {labels.dtype} instead of int64"
        elif pixels.shape[1:] != self._shape:
            self._format_error = (
                f"pictures of shape {_text(pixels.shape[1:])} instead of {_text(self._shape)}"
            )
        elif labels.shape != pixels.shape[:1]:
            self._format_error = f"labels of shape {_text(labels.shape)} beside {len(pixels)} pictures"
        return self._format_error is not None


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "()"
