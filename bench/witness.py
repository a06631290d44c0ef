"""Witness: sees the batches of a timed epoch, enough of each to know its samples, at under 1% of the time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

# What looks may take of an epoch's time so far to see every batch, and beyond it of all its time, so that a
# few dear looks end nothing. Once they take more, the epoch is repeated for the audit, and spots will do.
BUDGET, DEBT, SPOT_CHECK = 0.0085, 0.0015, 0.002
# A time that no epoch takes.
NEVER = 2**62
ROWS, COLUMNS = 4, 12


@dataclass(frozen=True)
class Grid:
    """Where a picture is looked at: a few rows, and in each a few columns close to each other.

    Close, because the pixels of one cache line cost as much as one of them; not side by side, because
    neighbours tell the same. Of 60,000 synthetic samples, 48 pixels so placed tell apart all but a few.
    """

    rows: slice
    columns: slice

    @classmethod
    def drawn(cls, height: int, width: int, seed: int) -> Grid:
        """One of the grids that fit a picture; rows spread over all of it, columns in its middle half."""
        choose = random.Random(f"grid/{seed}")
        rows, columns = min(ROWS, height), min(COLUMNS, width)
        row_step, column_step = height // rows, max(1, width // 12)
        span = (columns - 1) * column_step + 1
        row = choose.randrange(height - (rows - 1) * row_step)
        first, last = (width - span) // 4, (width - span) - (width - span) // 4
        column = choose.randint(first, last)
        return cls(
            slice(row, row + (rows - 1) * row_step + 1, row_step),
            slice(column, column + span, column_step),
        )


@dataclass(frozen=True)
class Record:
    """What was seen of an epoch, as it was delivered: n samples of the batches that were looked at.

    pixels: the grid's, float32 (n, rows, columns). labels: int64 (n,). means: of each picture's pixels,
    float32 (n,), NaN where only the grid was looked at. sizes: of the batches looked at. low, high: the
    smallest and largest pixel of the pictures looked at in whole, and 0. odd: what the first batch of another
    form had instead. batches, samples: all that were delivered, seen or not.
    """

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]
    means: NDArray[np.float32]
    sizes: tuple[int, ...]
    low: float
    high: float
    odd: str | None
    batches: int
    samples: int

    @property
    def seen_share(self) -> float:
        """The share of the batches that were looked at."""
        return len(self.sizes) / self.batches if self.batches else 1.0


class Witness:
    """Looks at delivered batches after their step, and keeps what tells their samples.

    It looks at every batch while all looks together take no more than about `budget` of the epoch's time so
    far. Once they do, which a fast loader's do within a few batches, it only checks spots, for less. inf
    looks at every batch, and in whole. samples: how many there should be; what is delivered beyond goes by
    unseen. clock: CPU time of this thread in nanoseconds, so that a look that another process breaks into
    isn't charged for that; tests inject their own. spent_ns: what all looks have taken, on that clock.
    """

    def __init__(
        self,
        grid: Grid,
        shape: tuple[int, ...],
        samples: int,
        *,
        budget: float = BUDGET,
        clock: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self.spent_ns = 0
        self._where = (slice(None), 0, grid.rows, grid.columns)
        self._shape = shape
        self._budget = budget
        self._clock = clock
        self._whole_ns = 0
        # Room for all at once: what is kept piece by piece lies between a loader's batches, which then find
        # no room where the one before was, and take new memory from the system, at several times the cost.
        picture = np.empty(shape[1:], np.bool_)[grid.rows, grid.columns]
        self._pixels = np.empty((samples, *picture.shape), np.float32)
        self._labels = np.empty(samples, np.int64)
        self._means = np.empty(samples, np.float32)
        self._seen = 0
        self._sizes: list[int] = []
        self._low = self._high = 0.0
        self._odd: str | None = None
        # Before the clock starts: the first look would take several times as long as those after it.
        blank = np.zeros((1, *shape), np.float32)
        self._keep(blank, np.zeros(1, np.int64), np.nan)
        self._seen = 0
        self._sizes.clear()

    def __call__(self, images: torch.Tensor, labels: torch.Tensor, elapsed_ns: int) -> int:
        """Look at a batch; elapsed_ns: how long the epoch has taken so far.

        Returns how long the epoch must have taken for the next look: until then, no call is needed.
        """
        began = self._clock()
        # Of all the epoch's time, by the samples that are still to come.
        forecast_ns = elapsed_ns * len(self._labels) / max(self._seen, len(labels))
        if self.spent_ns > self._budget * elapsed_ns + DEBT * forecast_ns:
            self._budget = SPOT_CHECK
            return int(self.spent_ns / self._budget)
        # After a wait, with cold caches, the way to a look is as dear as the look: numpy's is the shortest.
        try:
            pixels, own = images.numpy(), labels.numpy()
        except (TypeError, RuntimeError):  # they lie on another device
            return NEVER
        if self._is_odd(pixels, own) or self._seen + len(own) > len(self._labels):
            return NEVER
        self._keep(pixels, own, self._look_at_all(images, pixels, elapsed_ns, began))
        self.spent_ns += self._clock() - began
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
        self, images: torch.Tensor, pixels: NDArray[np.float32], elapsed_ns: int, began: int
    ) -> NDArray[np.float32] | float:
        """Each picture's mean, and the range of them all, where half of the budget pays for it; else NaN."""
        looked = self._clock()
        # The first is taken to be dear.
        whole_ns = self._whole_ns or 10 * (looked - began)
        if self.spent_ns + looked - began + whole_ns > self._budget / 2 * elapsed_ns:
            return np.nan
        # torch's mean takes a third of the time of numpy's, numpy's min and max half of that of aminmax.
        means: NDArray[np.float32] = images.flatten(1).mean(1).numpy()
        self._low = min(self._low, float(pixels.min()))
        self._high = max(self._high, float(pixels.max()))
        self._whole_ns = self._clock() - looked
        return means

    def record(self, batches: int, samples: int) -> Record:
        """What was seen of an epoch that delivered so many batches and samples."""
        return Record(
            pixels=self._pixels[: self._seen],
            labels=self._labels[: self._seen],
            means=self._means[: self._seen],
            sizes=tuple(self._sizes),
            low=self._low,
            high=self._high,
            odd=self._odd,
            batches=batches,
            samples=samples,
        )

    def _is_odd(self, pixels: NDArray[Any], labels: NDArray[Any]) -> bool:
        """Whether the batch has another form than it should; that is kept in words."""
        if pixels.dtype != np.float32:
            self._odd = f"pictures of dtype {pixels.dtype} instead of float32"
        elif labels.dtype != np.int64:
            self._odd = f"labels of dtype {labels.dtype} instead of int64"
        elif pixels.shape[1:] != self._shape:
            self._odd = f"pictures of shape {_text(pixels.shape[1:])} instead of {_text(self._shape)}"
        elif labels.shape != pixels.shape[:1]:
            self._odd = f"labels of shape {_text(labels.shape)} beside {len(pixels)} pictures"
        return self._odd is not None


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "()"
