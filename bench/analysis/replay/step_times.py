"""StepTimes: the step with the cores that it wants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.analysis.evidence import LoaderSetup
from bench.analysis.replay.phase_rows import find_phase_rows
from bench.records.batch_trace import BatchTrace
from bench.records.row import Row

WAITING_STEP = re.compile(r"\d+(\.\d+)?ms")
# A mean step is no shorter than a reading of the clock.
SHORTEST_S = 1e-7


@dataclass(frozen=True, eq=False)
class StepTimes:
    """The step with the cores that it wants.

    Attributes:
        step_s: seconds of each step without its transfer, shape (batches,).
        transfer_s: seconds of each transfer, shape (batches,).
        cores: cores that both keep busy.
        is_alone: whether the step was measured alone; False for times beside busy workers.
        beside: factor by which the step takes longer beside the workers than shared cores explain, as caches
            and memory are shared, too; default 1.
    """

    step_s: np.ndarray
    transfer_s: np.ndarray
    cores: float
    is_alone: bool
    beside: float = 1.0

    def scale(self, factor: float) -> StepTimes:
        """Return a copy with every time lengthened."""
        return replace(self, step_s=factor * self.step_s, transfer_s=factor * self.transfer_s)

    def find_factor(self, busy: float) -> float:
        """Return the factor of the step beside workers that work for some share of what they do now."""
        return min(1.0, self.beside) + max(0.0, self.beside - 1) * min(1.0, busy)


def read_step_times(
    trace: BatchTrace, setup: LoaderSetup, step_alone: Sequence[Row], whole: Sequence[Row]
) -> StepTimes:
    """Read the step of a traced epoch.

    Its mean is that of the step alone where this was measured. Times then vary between batches as they do in
    the trace; on a GPU they don't vary, as the host's clock doesn't see single steps there.

    Args:
        trace: the epoch.
        setup: the configuration.
        step_alone: rows of the step alone; may be empty.
        whole: rows of the configuration as it is.
    """
    step_s, transfer_s = np.maximum(trace.step_s, 0.0), np.maximum(trace.transfer_s, 0.0)
    seen_s = float((step_s + transfer_s).mean())
    rows = find_phase_rows(step_alone, is_steady=True) or find_phase_rows(step_alone, is_steady=False)
    alone_s = _find_alone_s(rows)
    if alone_s is None or setup.step == "none":
        return StepTimes(step_s, transfer_s, _guess_cores(trace, setup, whole), is_alone=False)
    cpu_s = [row.cpu_s for row in rows if row.cpu_s is not None]
    known = len(cpu_s) == len(rows)
    cores = (
        sum(cpu_s) / sum(row.wall_s or 0.0 for row in rows) if known else _guess_cores(trace, setup, whole)
    )
    cores = min(cores, float(max(1, setup.num_threads)), setup.cores)
    # Captured batches lie where the step takes them, so the step alone has no transfer as a rule.
    moves = any(row.transfer_s for row in rows)
    if setup.device == "cpu" and seen_s > 0:
        factor = alone_s / (seen_s if moves else max(float(step_s.mean()), SHORTEST_S))
        return StepTimes(factor * step_s, factor * transfer_s if moves else transfer_s, cores, is_alone=True)
    moving_s = sum(row.transfer_s or 0.0 for row in rows)
    stepping_s = sum(row.step_s or 0.0 for row in rows)
    share = moving_s / (moving_s + stepping_s) if moving_s + stepping_s > 0 else 0.0
    even = np.full(trace.batches, alone_s)
    return StepTimes((1 - share) * even, share * even if moves else transfer_s, cores, is_alone=True)


def find_seen_s(trace: BatchTrace, setup: LoaderSetup, rows: Sequence[Row]) -> float | None:
    """Return the seconds of a mean step with its transfer beside the workers; None where nobody sees them.

    The host's clock doesn't see the steps of a GPU, which go on while the host waits for batches.
    """
    if setup.device != "cpu" or setup.step == "none":
        return None
    batches = sum(row.batches or 0 for row in rows if row.step_s is not None)
    if batches:
        return sum((row.step_s or 0.0) + (row.transfer_s or 0.0) for row in rows) / batches
    return float((trace.step_s + trace.transfer_s).mean())


def _find_alone_s(rows: Sequence[Row]) -> float | None:
    """Return the seconds of a step alone with its transfer; None without rows."""
    batches = sum(row.batches or 0 for row in rows)
    if not batches:
        return None
    if any(row.step_s is None for row in rows):
        return sum(row.wall_s or 0.0 for row in rows) / batches
    return sum((row.step_s or 0.0) + (row.transfer_s or 0.0) for row in rows) / batches


def _guess_cores(trace: BatchTrace, setup: LoaderSetup, whole: Sequence[Row]) -> float:
    """Return the cores that a step keeps busy, by the CPU time that workers don't explain."""
    if setup.step == "none" or WAITING_STEP.fullmatch(setup.step):
        return 0.0
    busy_s = sum(row.step_s or 0.0 for row in whole)
    total_s = sum(row.cpu_s or 0.0 for row in whole)
    batches = sum(row.batches or 0 for row in whole)
    if not busy_s or not total_s or np.isnan(trace.cpu_s).all():
        return 0.0 if setup.device == "cuda" else 1.0
    loading_s = batches * float(np.nanmean(trace.cpu_s))
    return float(np.clip((total_s - loading_s) / busy_s, 0.0, max(1, setup.num_threads)))
