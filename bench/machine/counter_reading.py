"""CounterReading: one reading of the machine's counters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CpuInstant:
    """Counters of CPU time at an instant. Seconds add up since some start.

    Attributes:
        at_ns: reading of `time.perf_counter_ns()`.
        idle_s: seconds in which the usable cores had nothing to run; None if unknown.
        stolen_s: seconds in which a hypervisor ran others on them.
        own_s: CPU seconds of this process and its descendants.
        sweep_s: CPU seconds of the sweep's process, which watches the trial.
        thread_s: CPU seconds of the thread that reads.
        suspended_s: seconds in which the machine was suspended.
    """

    at_ns: int
    idle_s: float | None
    stolen_s: float
    own_s: float
    sweep_s: float = 0.0
    thread_s: float = 0.0
    suspended_s: float = 0.0


@dataclass(frozen=True)
class CounterReading:
    """One reading of the machine's counters. None is unknown; counts and seconds add up since some start.

    Attributes:
        start: the instant before the other counters are read.
        end: the instant after that, so that a difference of two readings holds no reading.
        cores: numbers of the usable cores.
        mhz: mean frequency of these cores.
        heat_counts: number of times that heat throttled each core, and each core's package.
        quota_cores: CPU seconds a second that the container may use.
        quota_count: number of times that the container was throttled.
        quota_held_s: seconds for which it was throttled, added over the cores.
        gpu_mhz: clock of the GPU.
        gpu_slowed: reason for which the GPU runs slower than it could.
        gpu_heat_s: seconds for which heat slowed the GPU down.
        gpu_utilization: share of the driver's last sample period in which a kernel of any process ran.
        gpu_memory_bytes: memory of the GPU in use by any process.
    """

    start: CpuInstant
    end: CpuInstant
    cores: frozenset[int]
    mhz: float | None = None
    heat_counts: tuple[int, ...] | None = None
    quota_cores: float | None = None
    quota_count: int | None = None
    quota_held_s: float | None = None
    gpu_mhz: float | None = None
    gpu_slowed: str | None = None
    gpu_heat_s: float | None = None
    gpu_utilization: float | None = None
    gpu_memory_bytes: int | None = None
