"""BlockFigures: the parts of an epoch that one block has measured, in the phase that is explained."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.analysis.evidence import BlockEvidence, Evidence
from bench.records.batch_trace import BatchTrace
from bench.records.row import Row
from bench.records.rung_time import RungTime


@dataclass(frozen=True)
class BlockFigures:
    """Figures of one block. Times are seconds, those of an epoch the mean of its epochs.

    Attributes:
        block: number of the block.
        batches: batches of an epoch.
        samples: samples of an epoch.
        wall_s: the whole epoch.
        startup_s: time in `iter(loader)`.
        first_s: from before `iter(loader)` to the first batch.
        wait_s: time in `next()`, all batches.
        typical_wait_s: median of the waits.
        transfer_s: copies to the device.
        step_s: train steps.
        teardown_s: from the last step until the iterator is gone.
        cpu_s: CPU seconds of the process tree; None if unknown.
        other_share: share of the cores' time that others took; None if unknown.
        disturbed: disturbances in words; empty for none.
        alone_s: the step alone, a batch; None where it wasn't measured.
        alone_wall_s: the whole loop on captured batches, a batch, with any transfer; None where it wasn't
            measured.
        alone_cpu_s: CPU seconds of it; None if unknown.
        traces: traced epochs of the same phase.
        first_traces: traced first epochs.
        rungs: epochs that were cut short.
    """

    block: int
    batches: float
    samples: float
    wall_s: float
    startup_s: float
    first_s: float
    wait_s: float
    typical_wait_s: float
    transfer_s: float
    step_s: float
    teardown_s: float
    cpu_s: float | None
    other_share: float | None
    disturbed: str
    alone_s: float | None
    alone_wall_s: float | None
    alone_cpu_s: float | None
    traces: tuple[BatchTrace, ...]
    first_traces: tuple[BatchTrace, ...]
    rungs: tuple[RungTime, ...]

    @property
    def other_s(self) -> float:
        """Seconds of an epoch in no part: the loop itself."""
        parts = (self.startup_s, self.wait_s, self.transfer_s, self.step_s, self.teardown_s)
        return self.wall_s - math.fsum(parts)

    @property
    def batch_s(self) -> float:
        """Seconds a batch, the whole epoch over its batches."""
        return self.wall_s / self.batches

    @property
    def samples_per_s(self) -> float:
        """Throughput."""
        return self.samples / self.wall_s


def compute_figures(evidence: Evidence) -> tuple[BlockFigures, ...]:
    """Compute the figures of each block that has an epoch of status `ok`.

    Epochs after the first one count, as a training has many. A first epoch counts only where no block has
    another one.
    """
    is_steady = any(row.epoch > 0 for block in evidence.blocks for row in _pick_sound(block.whole))
    found = (_compute_block(block, is_steady) for block in evidence.blocks)
    return tuple(figures for figures in found if figures is not None)


def _compute_block(block: BlockEvidence, is_steady: bool) -> BlockFigures | None:
    rows = [row for row in _pick_sound(block.whole) if (row.epoch > 0) == is_steady]
    if not rows:
        return None
    alone = _pick_steady(_pick_sound(block.step_alone))
    alone_batches = math.fsum(row.batches or 0 for row in alone)
    alone_wall_s = math.fsum(row.wall_s or 0.0 for row in alone)
    alone_step_s = _sum_known([row.step_s for row in alone])
    alone_cpu_s = _sum_known([row.cpu_s for row in alone])
    # A traced first epoch is no less of a look into the loading where it is the only one.
    same_phase = [trace for trace in block.traces if (trace.epoch > 0) == is_steady]
    return BlockFigures(
        block=block.block,
        batches=_mean(rows, lambda row: row.batches),
        samples=_mean(rows, lambda row: row.samples),
        wall_s=_mean(rows, lambda row: row.wall_s),
        startup_s=_mean(rows, lambda row: row.startup_s),
        first_s=_mean(rows, lambda row: row.time_to_first_batch_s),
        wait_s=_mean(rows, lambda row: row.data_wait_s),
        typical_wait_s=_mean(rows, _get_typical_wait_s),
        transfer_s=_mean(rows, lambda row: row.transfer_s),
        step_s=_mean(rows, lambda row: row.step_s),
        teardown_s=_mean(rows, lambda row: row.teardown_s),
        cpu_s=average_known([row.cpu_s for row in rows]),
        other_share=average_known([row.other_cpu_share for row in rows]),
        disturbed="; ".join(sorted({row.disturbed for row in rows if row.disturbed})),
        alone_s=_divide(alone_wall_s if alone_step_s is None else alone_step_s, alone_batches),
        alone_wall_s=_divide(alone_wall_s, alone_batches),
        alone_cpu_s=None if alone_cpu_s is None else _divide(alone_cpu_s, alone_batches),
        traces=tuple(same_phase or block.traces),
        first_traces=tuple(trace for trace in block.traces if trace.epoch == 0),
        rungs=block.rungs,
    )


def _pick_sound(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of the first attempt that nothing disturbed, else of the last one."""
    sound = [row for row in rows if row.status == "ok" and row.batches and row.wall_s]
    attempts = sorted({row.attempt for row in sound})
    disturbed = {row.attempt for row in sound if row.disturbed}
    chosen = next(
        (attempt for attempt in attempts if attempt not in disturbed), attempts[-1] if attempts else 0
    )
    return [row for row in sound if row.attempt == chosen]


def _pick_steady(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.epoch > 0] or rows


def _mean(rows: Sequence[Row], value_of: Callable[[Row], float | None]) -> float:
    return math.fsum(value_of(row) or 0.0 for row in rows) / len(rows)


def average_known(values: Sequence[float | None]) -> float | None:
    """Return the mean of the known values; None where none is known."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _sum_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known and len(known) == len(values) else None


def _get_typical_wait_s(row: Row) -> float:
    if row.data_wait_median_s is not None:
        return row.data_wait_median_s
    return (row.data_wait_s or 0.0) / (row.batches or 1)


def _divide(seconds: float, batches: float) -> float | None:
    return seconds / batches if batches else None
