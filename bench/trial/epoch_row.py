"""The row of an epoch that was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.process.memory_watch import MemoryWatch
from bench.records.row import Row
from bench.trial.audit import AuditResult
from bench.trial.device_pass import device_columns
from bench.trial.epoch_report import EpochReport

SECONDS_PER_NS = 1e-9


def build_row(row: Row, report: EpochReport, finding: AuditResult | None, watch: MemoryWatch) -> Row:
    """The row with what was measured filled in: nanoseconds become seconds, waits are summarised."""
    timings, between = report.timings, report.interference
    waits = np.asarray(timings.data_wait_ns, dtype=np.int64) * SECONDS_PER_NS
    first = timings.time_to_first_batch_ns
    filled = replace(
        row,
        samples=timings.samples,
        batches=len(waits),
        sample_shape="x".join(map(str, timings.sample_shape)) or None,
        dtype=timings.dtype or None,
        wall_s=timings.wall_ns * SECONDS_PER_NS,
        samples_per_s=timings.samples / (timings.wall_ns * SECONDS_PER_NS),
        startup_s=timings.startup_ns * SECONDS_PER_NS,
        time_to_first_batch_s=None if first is None else first * SECONDS_PER_NS,
        data_wait_s=sum(timings.data_wait_ns) * SECONDS_PER_NS,
        data_wait_median_s=float(np.median(waits)) if len(waits) else None,
        data_wait_p99_s=float(np.percentile(waits, 99)) if len(waits) else None,
        transfer_s=sum(timings.transfer_ns) * SECONDS_PER_NS,
        step_s=(sum(timings.step_ns) + timings.drain_ns) * SECONDS_PER_NS,
        teardown_s=timings.teardown_ns * SECONDS_PER_NS,
        train_loss=report.train_loss,
        shuffle_quality=finding.shuffle_quality if finding else None,
        audited_share=finding.seen_share if finding else None,
        cpu_s=between.own_cpu_s,
        processes=watch.processes(timings.start_ns, timings.end_ns),
        peak_memory_bytes=watch.peak_bytes(timings.start_ns, timings.end_ns),
        peak_anonymous_bytes=watch.peak_anonymous_bytes(timings.start_ns, timings.end_ns),
        other_cpu_share=between.other_cpu_share,
        cpu_mhz=between.cpu_mhz,
        throttled_count=between.throttled_count,
        gpu_mhz=between.gpu_mhz,
        gpu_utilization=between.gpu_utilization,
        gpu_memory_bytes=between.gpu_memory_bytes,
        disturbed=between.disturbed,
    )
    return filled if report.on_device is None else replace(filled, **device_columns(report.on_device))
