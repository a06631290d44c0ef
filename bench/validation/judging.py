"""Judging: compare the rows of a validation case with its plan."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.records.row import Row
from bench.validation.validation_case import ValidationCase

# The largest difference from the plan: a share of it, or for a time this many seconds if that is more. A wait
# ends some microseconds late and a batch costs some 30 µs besides, in all under 1% of an epoch. A batch of 10
# to 20 that is counted twice or left out makes 5% or more.
TOLERANCE = 0.02
TOLERANCE_S = 1e-3
# Columns that also vary by themselves, with the share of the plan that they may be off. Other processes slow
# computing down, building includes reading the data, and a shuffle's quality is a matter of chance: of 1,000
# samples its standard deviation is 2%.
WIDER = {"cpu_s": 0.05, "build_s": 0.05, "between_epochs_cpu_s": 0.05, "shuffle_quality": 0.1}
# Columns that only the first epoch of a trial has.
FIRST_EPOCH = ("build_s",)


@dataclass(frozen=True)
class ColumnCheck:
    """One column over the steady epochs, beside its plan.

    Attributes:
        column: the column's name, with `device_` before it in the epoch that is timed on the GPU.
        planned: the value that it must have, in the column's unit.
        measured: median over the epochs.
        low: smallest value of an epoch.
        high: largest value of an epoch.
    """

    column: str
    planned: float
    measured: float
    low: float
    high: float

    @property
    def allowed(self) -> float:
        """The largest difference of the median from the plan, in the column's unit."""
        share = WIDER.get(self.column, TOLERANCE) * self.planned
        return max(share, TOLERANCE_S) if is_time(self.column) else share

    @property
    def right(self) -> bool:
        """True if the median is within that difference."""
        return abs(self.measured - self.planned) <= self.allowed


@dataclass(frozen=True)
class CaseResult:
    """The outcome of one case.

    Attributes:
        case: the plan.
        checks: the columns that were compared.
        problem: fault of the measurement besides wrong columns; None for none.
        error: the audit's error, for a cheat that was caught.
        disturbed: disturbance of the trial from outside; None for none.
        repeated: whether the case was measured a second time.
    """

    case: ValidationCase
    checks: tuple[ColumnCheck, ...] = ()
    problem: str | None = None
    error: str | None = None
    disturbed: str | None = None
    repeated: bool = False

    @property
    def right(self) -> bool:
        """True if the measurement agrees with the plan."""
        return self.problem is None and all(check.right for check in self.checks)


def judge_case(case: ValidationCase, rows: Sequence[Row]) -> CaseResult:
    """Compare the rows of a case's trial with its plan."""
    disturbed = next((row.disturbed for row in rows if row.disturbed), None)
    *earlier, last = rows
    if any(row.status != "ok" for row in earlier) or last.status not in ("ok", "failed"):
        return CaseResult(case, problem=f"{last.status}: {last.error}", disturbed=disturbed)
    if case.error_words:
        return _judge_cheat(case, last, disturbed)
    if last.status == "failed":
        return CaseResult(case, problem=f"an honest loader failed: {last.error}", disturbed=disturbed)
    try:
        checks = (*_check_columns("", case.readings, [row for row in rows if row.timed_by == "clock"]),)
        on_device = [row for row in rows if row.timed_by == "events"]
        checks += (*_check_columns("device_", case.device_readings, on_device),)
    except LookupError as error:
        return CaseResult(case, problem=f"{error.args[0]} is empty", disturbed=disturbed)
    return CaseResult(case, checks, disturbed=disturbed)


def _judge_cheat(case: ValidationCase, last: Row, disturbed: str | None) -> CaseResult:
    if last.status == "ok":
        return CaseResult(case, problem="not caught", disturbed=disturbed)
    if last.epoch != case.failing_epoch:
        problem = f"caught in epoch {last.epoch}, not {case.failing_epoch}: {last.error}"
        return CaseResult(case, problem=problem)
    if not any(word in (last.error or "").lower() for word in case.error_words):
        return CaseResult(case, problem=f"caught for something else: {last.error}")
    return CaseResult(case, error=last.error)


def _check_columns(prefix: str, planned: Mapping[str, float], rows: Sequence[Row]) -> Iterator[ColumnCheck]:
    """Yield the check of each planned column; LookupError names one that is empty."""
    for column, value in planned.items():
        values = [getattr(row, column) for row in rows if (row.epoch == 0) == (column in FIRST_EPOCH)]
        if None in values or not values:
            raise LookupError(f"{prefix}{column}")
        yield ColumnCheck(f"{prefix}{column}", value, statistics.median(values), min(values), max(values))


def is_time(column: str) -> bool:
    """Return whether a column holds seconds."""
    return column.endswith("_s") and not column.endswith("_per_s")
