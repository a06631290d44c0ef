"""Hold the rows of a validation case against what they must say."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.row import Row
from bench.validation.cases import ValidationCase

TOLERANCE = 0.02
TOLERANCE_S = 1e-3
# CPU time is not what a loader plans: whatever takes the core from it takes CPU time but no wall time. And
# how well batches are mixed is a matter of chance.
WIDER = {"cpu_s": 0.05, "shuffle_quality": 0.1}


@dataclass(frozen=True)
class ColumnCheck:
    """One column over the steady epochs: their median, the least and the most, and what it should be."""

    column: str
    truth: float
    measured: float
    low: float
    high: float

    @property
    def allowed(self) -> float:
        """How far from the truth the median may be, in the column's unit."""
        share = WIDER.get(self.column, TOLERANCE) * self.truth
        return max(share, TOLERANCE_S) if is_time(self.column) else share

    @property
    def right(self) -> bool:
        """Whether it is no further off than that."""
        return abs(self.measured - self.truth) <= self.allowed


@dataclass(frozen=True)
class CaseResult:
    """What came of one truth. problem: what is wrong besides readings; said: the error of a caught cheat."""

    truth: ValidationCase
    readings: tuple[ColumnCheck, ...] = ()
    problem: str | None = None
    said: str | None = None
    disturbed: str | None = None
    again: bool = False

    @property
    def right(self) -> bool:
        """Whether the measurement told the truth."""
        return self.problem is None and all(reading.right for reading in self.readings)


def judge_case(truth: ValidationCase, rows: Sequence[Row]) -> CaseResult:
    """Hold the rows of a truth's trial against it."""
    disturbed = next((row.disturbed for row in rows if row.disturbed), None)
    *before, last = rows
    said = last.error
    if any(row.status != "ok" for row in before) or last.status not in ("ok", "failed"):
        return CaseResult(truth, problem=f"{last.status}: {said}", disturbed=disturbed)
    if truth.names:
        if last.status == "ok":
            return CaseResult(truth, problem="not caught", disturbed=disturbed)
        if last.epoch != truth.fails_in:
            return CaseResult(truth, problem=f"caught in epoch {last.epoch}, not {truth.fails_in}: {said}")
        if not any(word in (said or "").lower() for word in truth.names):
            return CaseResult(truth, problem=f"caught for something else: {said}")
        return CaseResult(truth, said=said)
    if last.status == "failed":
        return CaseResult(truth, problem=f"an honest loader failed: {said}", disturbed=disturbed)
    readings = []
    for prefix, timed_by, truths in (
        ("", "clock", truth.readings), ("device_", "events", truth.device_readings)
    ):  # fmt: skip
        steady = [row for row in rows if row.epoch > 0 and row.timed_by == timed_by]
        for column, known in truths.items():
            values = [getattr(row, column) for row in steady]
            if None in values or not values:
                return CaseResult(truth, problem=f"{prefix}{column} is empty", disturbed=disturbed)
            median, low, high = statistics.median(values), min(values), max(values)
            readings.append(ColumnCheck(f"{prefix}{column}", known, median, low, high))
    return CaseResult(truth, tuple(readings), disturbed=disturbed)


def is_time(column: str) -> bool:
    return column.endswith("_s") and not column.endswith("_per_s")
