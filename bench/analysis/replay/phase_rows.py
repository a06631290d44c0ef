"""Rows of one phase: of steady epochs, or of cold ones."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from bench.records.row import Row


def is_sound(row: Row) -> bool:
    """Tell whether an epoch was measured."""
    return row.status == "ok" and bool(row.batches) and bool(row.wall_s)


def find_phase_rows(rows: Iterable[Row], *, is_steady: bool) -> list[Row]:
    """Return the measured rows of steady epochs, or of cold ones."""
    return [row for row in rows if is_sound(row) and (row.epoch > 0) == is_steady]


def find_batch_s(rows: Sequence[Row]) -> float | None:
    """Return the seconds of a batch over all rows; None without any."""
    batches = sum(row.batches or 0 for row in rows)
    return sum(row.wall_s or 0.0 for row in rows) / batches if batches else None


def find_batches(rows: Sequence[Row], otherwise: int) -> int:
    """Return the typical number of batches of some epochs, or another number without any."""
    counts = [row.batches for row in rows if row.batches]
    return round(statistics.median(counts)) if counts else otherwise


def find_mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the known values; None where none is known."""
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None
