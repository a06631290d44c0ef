"""The row that the facts about an epoch become."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from bench.machine.interference import Interference
from bench.process.memory_sample import MemorySample, WorkerMemory
from bench.process.memory_watch import MemoryWatch
from bench.trial.audit_result import AuditResult
from bench.trial.epoch_report import EpochReport
from bench.trial.epoch_row import build_row
from bench.trial.epoch_timings import EpochTimings
from tests.bench import runs


def timings(waits: list[int]) -> EpochTimings:
    return EpochTimings(
        start_ns=0, startup_ns=50, data_wait_ns=array("q", waits),
        transfer_ns=array("q", [1] * len(waits)), step_ns=array("q", [10] * len(waits)), drain_ns=5,
        teardown_ns=7, end_ns=2_000_000_000, samples=500, sample_shape=(1, 28, 28), dtype="float32",
    )  # fmt: skip


INTERFERENCE = Interference(
    own_cpu_s=1.5, other_cpu_share=0.25, cpu_mhz=2000.0, throttled_count=2, gpu_mhz=None,
    disturbed="other processes used 25% of the cores",
)  # fmt: skip
ROW = runs.row()


def watch_of(*samples: MemorySample) -> MemoryWatch:
    """Return a watch that has taken these samples."""
    watch = MemoryWatch(0)
    watch.samples.extend(samples)
    return watch


WATCH = watch_of(MemorySample(1000, 123, 45))


def report(waits: list[int]) -> EpochReport:
    return EpochReport(timings(waits), 0.5, INTERFERENCE, None)


def test_nanoseconds_become_seconds() -> None:
    """Sums, median and 99th percentile of the waits; the wait for the device is the step's."""
    row = build_row(ROW, report([400, 100, 200]), None, WATCH)
    assert row.wall_s == 2.0
    assert row.samples_per_s == 250
    assert row.startup_s == pytest.approx(50e-9)
    assert row.time_to_first_batch_s == pytest.approx(450e-9)
    assert row.data_wait_s == pytest.approx(700e-9)
    assert row.data_wait_median_s == pytest.approx(200e-9)
    assert row.data_wait_p99_s == pytest.approx(396e-9)
    assert row.transfer_s == pytest.approx(3e-9)
    assert row.step_s == pytest.approx(35e-9)
    assert row.teardown_s == pytest.approx(7e-9)
    assert (row.sample_shape, row.dtype, row.batches) == ("1x28x28", "float32", 3)
    assert (row.train_loss, row.cpu_s) == (0.5, 1.5)


def test_what_was_seen_beside_the_clock_is_filled_in() -> None:
    """Memory and processes by the watch, the machine by its readings, the samples by the audit."""
    row = build_row(ROW, report([400]), AuditResult(shuffle_quality=0.9, seen_share=0.5), WATCH)
    assert (row.peak_memory_bytes, row.peak_anonymous_bytes) == (123, 45)
    assert row.processes == 1
    assert (row.other_cpu_share, row.cpu_mhz, row.throttled_count, row.gpu_mhz) == (0.25, 2000, 2, None)
    assert row.disturbed == "other processes used 25% of the cores"
    assert (row.shuffle_quality, row.audited_share) == (0.9, 0.5)


def test_an_epoch_without_batches_has_no_wait() -> None:
    """No median of nothing."""
    row = build_row(ROW, report([]), None, WATCH)
    assert row.time_to_first_batch_s is None
    assert row.data_wait_median_s is None


def test_workers_of_the_repetition_are_added() -> None:
    """Their memory is not read in a timed epoch."""
    row = build_row(ROW, report([400]), None, WATCH, WorkerMemory(1000, 4))
    assert (row.peak_memory_bytes, row.peak_anonymous_bytes, row.processes) == (1123, 1045, 5)


def test_work_outside_the_clock_is_told() -> None:
    """The time to build, and the CPU time between epochs."""
    row = build_row(ROW, replace(report([400]), build_s=1.5, between_epochs_cpu_s=0.25), None, WATCH)
    assert (row.build_s, row.between_epochs_cpu_s) == (1.5, 0.25)


def test_a_process_that_was_stopped_disturbs_its_epoch() -> None:
    """Beside other disturbances."""
    watch = watch_of(*(MemorySample(int(at * 1e9), 1, 1, is_stopped=at == 0.5) for at in (0.25, 0.5, 1.75)))
    assert build_row(ROW, report([400]), None, watch).disturbed == (
        "other processes used 25% of the cores; the trial's process was stopped for about 1.2 s"
    )
