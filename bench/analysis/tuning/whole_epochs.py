"""Whole epochs: the throughput that a training has, from trials whose epochs are shorter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from bench.analysis.throughputs import find_sound
from bench.records.row import Row


class ShortEpoch(NamedTuple):
    """Figures of an epoch that was measured.

    Attributes:
        samples: number of samples.
        batches: number of batches.
        wall_s: time of the whole epoch.
        late_s: time of the second half of its batches; None where it isn't known.
    """

    samples: float
    batches: int
    wall_s: float
    late_s: float | None


def estimate_samples_per_s(rows: Sequence[Row], whole_samples: int | None) -> float | None:
    """Return the samples a second of the training's epochs; None where no row gives any.

    Args:
        rows: the epochs of one trial. The first one is cold, and counts only where it is alone.
        whole_samples: samples of an epoch of the training; None for one that is far longer than its start.
    """
    sound = [row for row in rows if _is_sound(row)]
    counted = [row for row in sound if row.epoch > 0] or sound
    epochs = (
        ShortEpoch(row.samples or 0, row.batches or 0, row.wall_s or 0.0, row.late_s) for row in counted
    )
    return lengthen(epochs, whole_samples)


def estimate_loading_gain(rows: Sequence[Row], samples_per_s: float | None) -> float | None:
    """Return by how much faster loading would raise a throughput at most, while the step takes as long.

    That is the throughput of the steps alone, as they ran in the same epochs, over what there is. Beside a
    GPU nothing is known: copies of batches may delay the steps. Nor is it without a warm epoch, since first
    steps take longer.

    Args:
        rows: the epochs of one trial.
        samples_per_s: its throughput in the training's epochs; None for none.

    Returns:
        A share; None where it isn't known, or where there is no step.
    """
    warm = [row for row in rows if _is_sound(row) and row.epoch > 0 and row.device == "cpu"]
    step_s = sum(row.step_s or 0.0 for row in warm)
    if not samples_per_s or step_s <= 0:
        return None
    return max(0.0, sum(row.samples or 0 for row in warm) / step_s / samples_per_s - 1)


def _is_sound(row: Row) -> bool:
    return row.status == "ok" and bool(row.samples and row.batches and row.wall_s)


def compute_whole_throughputs(runs: pd.DataFrame, whole_samples: int | None) -> dict[int, dict[int, float]]:
    """Compute the samples a second of the training's epochs, of each block of each sound configuration.

    Args:
        runs: rows of a part of a tuning, as `read_runs` returns them.
        whole_samples: samples of an epoch of the training; None for one that is far longer than its start.
    """
    sound = runs[runs["configuration"].isin(find_sound(runs)) & (runs["status"] == "ok")]
    found: dict[int, dict[int, float]] = {}
    for (number, block), rows in sound.groupby(["configuration", "block"]):
        counted = rows[rows["epoch"] > 0] if (rows["epoch"] > 0).any() else rows
        epochs = (
            ShortEpoch(samples, int(batches), wall_s, None if math.isnan(late_s) else late_s)
            for samples, batches, wall_s, late_s in zip(
                counted["samples"], counted["batches"], counted["wall_s"], counted["late_s"], strict=True
            )
        )
        speed = lengthen(epochs, whole_samples)
        if speed is not None:
            found.setdefault(int(number), {})[int(block)] = speed
    return found


def lengthen(epochs: Iterable[ShortEpoch], whole_samples: int | None) -> float | None:
    """Return the samples a second that epochs would have if they were as long as those of the training.

    A short epoch has the start-up of a long one and less of the rest. Its first batches come out of a queue
    that was filled at once. So the second half of its batches is taken for the steady part, and only this
    part is lengthened.

    Args:
        epochs: epochs of one configuration in one block.
        whole_samples: samples of an epoch of the training; None for one that is far longer than its start,
            of which only the steady part counts.
    """
    samples = seconds = 0.0
    for epoch in epochs:
        found = _lengthen_epoch(epoch, whole_samples)
        samples += found[0]
        seconds += found[1]
    return samples / seconds if seconds > 0 else None


def lengthen_row(row: Row, whole_samples: int | None) -> Row:
    """Return a row whose throughput is that of an epoch as long as the training's.

    Args:
        row: epoch of a trial. One that failed or has no samples stays as it is.
        whole_samples: samples of an epoch of the training; None for one that is far longer than its start.
    """
    if row.status != "ok" or not row.samples or not row.batches or not row.wall_s:
        return row
    epoch = ShortEpoch(row.samples, row.batches, row.wall_s, row.late_s)
    samples, seconds = _lengthen_epoch(epoch, whole_samples)
    return replace(row, wall_s=seconds * row.samples / samples)


def _lengthen_epoch(epoch: ShortEpoch, whole_samples: int | None) -> tuple[float, float]:
    """Return the samples and the seconds that an epoch would have. See `lengthen`."""
    late = (epoch.batches - epoch.batches // 2) / epoch.batches if epoch.late_s is not None else 1.0
    late_s = epoch.wall_s if epoch.late_s is None else epoch.late_s
    if whole_samples is None:
        return late * epoch.samples, late_s
    factor = whole_samples / epoch.samples
    if factor <= 1:
        return whole_samples, epoch.wall_s * factor
    return whole_samples, epoch.wall_s - late_s + late_s * (factor - (1 - late)) / late
