"""Build the row of an epoch that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bench.process.memory_sample import WorkerMemory
from bench.process.memory_watch import MemoryWatch
from bench.records.row import Row
from bench.trial.audit_result import AuditResult
from bench.trial.epoch_report import EpochReport

SECONDS_PER_NS = 1e-9


def build_row(
    row: Row,
    report: EpochReport,
    result: AuditResult | None,
    watch: MemoryWatch,
    workers: WorkerMemory | None = None,
) -> Row:
    """Return the row with the measured columns filled in: in seconds, with the waits summarised.

    Args:
        row: the row that says which epoch it is.
        report: the facts that the trial's process sent.
        result: the audit's result; None for an epoch that isn't audited.
        watch: samples of the trial's memory.
        workers: memory of the loader's workers, if the watch does not read it itself.
    """
    timings, interference = report.timings, report.interference
    start_ns, end_ns = timings.start_ns, timings.end_ns
    waits_s = np.asarray(timings.data_wait_ns, dtype=np.int64) * SECONDS_PER_NS
    first_ns = timings.time_to_first_batch_ns
    peak = watch.find_peak(start_ns, end_ns, workers)
    filled = replace(
        row,
        samples=timings.samples,
        batches=timings.batches,
        sample_shape="x".join(map(str, timings.sample_shape)) or None,
        dtype=timings.dtype or None,
        wall_s=timings.wall_ns * SECONDS_PER_NS,
        samples_per_s=timings.samples / (timings.wall_ns * SECONDS_PER_NS),
        startup_s=timings.startup_ns * SECONDS_PER_NS,
        time_to_first_batch_s=None if first_ns is None else first_ns * SECONDS_PER_NS,
        data_wait_s=sum(timings.data_wait_ns) * SECONDS_PER_NS,
        data_wait_median_s=float(np.median(waits_s)) if len(waits_s) else None,
        data_wait_p99_s=float(np.percentile(waits_s, 99)) if len(waits_s) else None,
        transfer_s=sum(timings.transfer_ns) * SECONDS_PER_NS,
        step_s=(sum(timings.step_ns) + timings.drain_ns) * SECONDS_PER_NS,
        teardown_s=timings.teardown_ns * SECONDS_PER_NS,
        late_s=None if timings.late_ns is None else timings.late_ns * SECONDS_PER_NS,
        train_loss=report.train_loss,
        shuffle_quality=result.shuffle_quality if result else None,
        audit=result.kind if result else None,
        audited_share=result.seen_share if result else None,
        cpu_s=interference.own_cpu_s,
        build_s=report.build_s,
        between_epochs_cpu_s=report.between_epochs_cpu_s,
        processes=peak.processes,
        peak_memory_bytes=peak.resident_bytes,
        peak_anonymous_bytes=peak.anonymous_bytes,
        other_cpu_share=interference.other_cpu_share,
        cpu_mhz=interference.cpu_mhz,
        throttled_count=interference.throttled_count,
        gpu_mhz=interference.gpu_mhz,
        gpu_utilization=interference.gpu_utilization,
        gpu_memory_bytes=interference.gpu_memory_bytes,
        disturbed="; ".join(_find_disturbances(report, watch.find_stopped_s(start_ns, end_ns))) or None,
    )
    return filled if report.on_device is None else replace(filled, **make_device_columns(report.on_device))


def make_device_columns(on_device: Mapping[str, float | None]) -> dict[str, Any]:
    """Return the columns of an epoch that is timed by CUDA events.

    Args:
        on_device: seconds on the device of `data`, `transfer` and `step`.
    """
    return {
        "timed_by": "events",
        "data_wait_s": on_device["data"],
        "data_wait_median_s": None,
        "data_wait_p99_s": None,
        "transfer_s": on_device["transfer"],
        "step_s": on_device["step"],
    }


def _find_disturbances(report: EpochReport, stopped_s: float) -> Iterator[str]:
    if report.interference.disturbed is not None:
        yield report.interference.disturbed
    if stopped_s:
        yield f"the trial's process was stopped for about {stopped_s:.1f} s"
