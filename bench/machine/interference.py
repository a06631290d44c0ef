"""Interference: CPU time that others used in an epoch, and limits that slowed its cores or its GPU down.

The counters are read in the trial's own process, right before an epoch's clock starts and right after it
stops.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

from bench.machine.counter_reading import CounterReading
from bench.machine.nvml import NvmlGpu
from bench.machine.system_counters import SystemCounters

# Others disturb an epoch if they take this share of the cores' time ...
DISTURBING_SHARE = 0.10
# ... and more than the reading may err by. The kernel tells idle time in ticks of 10 ms, so the difference of
# two readings has an error with a standard deviation of 4 ms for all cores together. For some of the cores it
# has that error times the root of their number. This, times the root, is five standard deviations.
RESOLUTION_S = 0.02
# Heat, or a container's quota, disturbs an epoch if it slows it down for this share of its time. A loader
# that has used this share of the quota is held back by itself.
HELD_BACK_SHARE = 0.02
USED_UP_SHARE = 0.90
# The two clocks that tell a suspended machine are read one after the other, which may take this long.
SUSPENDED_S = 0.1


@dataclass(frozen=True)
class Interference:
    """Use of the machine between two readings. None is unknown.

    Attributes:
        own_cpu_s: CPU seconds of the trial's process tree.
        other_cpu_share: CPU time of everything but the trial and the sweep (other processes, threads and
            interrupts of the kernel, a hypervisor) over that of all usable cores.
        cpu_mhz: mean frequency of the cores at both readings.
        throttled_count: number of times that heat or a container's quota throttled the cores.
        gpu_mhz: clock of the GPU at the second reading.
        disturbed: disturbances in words; None for an undisturbed epoch.
        gpu_utilization: utilization of the GPU at the second reading, from 0 to 1.
        gpu_memory_bytes: memory of the GPU in use at the second reading.
    """

    own_cpu_s: float
    other_cpu_share: float | None
    cpu_mhz: float | None
    throttled_count: int | None
    gpu_mhz: float | None
    disturbed: str | None
    gpu_utilization: float | None = None
    gpu_memory_bytes: int | None = None


def read_counters(*, cuda: bool = False, sweep_pid: int | None = None) -> CounterReading:
    """Read the counters of the cores that this process may use.

    Args:
        cuda: read those of the current CUDA device too.
        sweep_pid: the process of the sweep that watches this one.
    """
    return _find_counters(_find_usable_cores(), cuda).read(sweep_pid)


def find_interference(before: CounterReading, after: CounterReading) -> Interference:
    """Return the use of the machine between two readings of one process."""
    wall_s = (after.start.at_ns - before.end.at_ns) * 1e-9
    others_s = _find_others_s(before, after)
    counts = [
        count
        for count in (_count_heat(before, after), _subtract(before.quota_count, after.quota_count))
        if count is not None
    ]
    frequencies = [mhz for mhz in (before.mhz, after.mhz) if mhz is not None]
    return Interference(
        own_cpu_s=after.start.own_s - before.end.own_s,
        other_cpu_share=None if others_s is None else others_s / (wall_s * len(after.cores)),
        cpu_mhz=sum(frequencies) / len(frequencies) if frequencies else None,
        throttled_count=int(sum(counts)) if counts else None,
        gpu_mhz=after.gpu_mhz,
        disturbed="; ".join(_find_disturbances(before, after)) or None,
        gpu_utilization=after.gpu_utilization,
        gpu_memory_bytes=after.gpu_memory_bytes,
    )


def describe_others(before: CounterReading, after: CounterReading) -> str:
    """Return how much of the cores others took between two readings, in words; empty where it is little.

    Args:
        before: first reading of this process.
        after: second one.
    """
    wall_s = (after.start.at_ns - before.end.at_ns) * 1e-9
    # A quota is less than the machine. Others then disturb only if they leave less than the quota.
    cores, usable = len(after.cores), _count_usable(after)
    if (others_s := _find_others_s(before, after)) is None:
        return ""
    taken_s = others_s - (cores - usable) * wall_s
    if taken_s <= max(DISTURBING_SHARE * usable * wall_s, RESOLUTION_S * math.sqrt(cores)):
        return ""
    stolen_s = after.start.stolen_s - before.end.stolen_s
    whose = "the cores" if usable == cores else f"the machine's {cores} cores"
    if stolen_s > others_s / 2:
        return f"the hypervisor took {stolen_s / (wall_s * cores):.0%} of {whose}"
    return f"other processes used {others_s / (wall_s * cores):.0%} of {whose}"


def _count_usable(reading: CounterReading) -> float:
    """Return the cores that this process may use, which a quota limits."""
    return min(len(reading.cores), reading.quota_cores or len(reading.cores))


def find_background_cpu_s(before: CounterReading, after: CounterReading) -> float:
    """Return the CPU seconds between two readings of one thread: of the process tree, without that thread."""
    tree_s = after.start.own_s - before.end.own_s
    return max(0.0, tree_s - (after.start.thread_s - before.end.thread_s))


def _find_disturbances(before: CounterReading, after: CounterReading) -> Iterator[str]:
    """Yield one clause for each disturbance."""
    wall_s = (after.start.at_ns - before.end.at_ns) * 1e-9
    own_s = after.start.own_s - before.end.own_s
    usable = _count_usable(after)
    if others := describe_others(before, after):
        yield others
    heat = _count_heat(before, after)
    if heat:
        yield f"the cores were throttled {'once' if heat == 1 else f'{heat} times'} by heat"
    held_s = _subtract(before.quota_held_s, after.quota_held_s) or 0.0
    if held_s > HELD_BACK_SHARE * wall_s and own_s < USED_UP_SHARE * usable * wall_s:
        yield f"the container's CPU quota held it back for {held_s:.2f} s"
    # The GPU's counter moves in steps, so it may tell of more than the epoch.
    hot_s = min(wall_s, _subtract(before.gpu_heat_s, after.gpu_heat_s) or 0.0)
    hot = hot_s > HELD_BACK_SHARE * wall_s
    if hot:
        yield f"the GPU was slowed down for {hot_s * 1000:.0f} ms by heat"
    # Heat is named once.
    if after.gpu_slowed and not (hot and after.gpu_slowed == "thermal"):
        yield f"the GPU slowed down: {after.gpu_slowed}"
    suspended_s = after.start.suspended_s - before.end.suspended_s
    if suspended_s > SUSPENDED_S:
        yield f"the machine was suspended for {suspended_s:.0f} s"


def _find_others_s(before: CounterReading, after: CounterReading) -> float | None:
    """Return the CPU seconds that others took of the usable cores, a hypervisor's included; None if unknown.

    The trial's and the sweep's own are subtracted from the time that wasn't idle. The kernel counts idle time
    exactly and samples busy time at its ticks, so a sum of busy time would err by twice as much.
    """
    if before.end.idle_s is None or after.start.idle_s is None or before.cores != after.cores:
        return None
    wall_s = (after.start.at_ns - before.end.at_ns) * 1e-9
    idle_s = after.start.idle_s - before.end.idle_s
    own_s = after.start.own_s - before.end.own_s + after.start.sweep_s - before.end.sweep_s
    return max(0.0, wall_s * len(after.cores) - idle_s - own_s)


def _count_heat(before: CounterReading, after: CounterReading) -> int | None:
    """Return how often heat throttled the cores: the most of any counter, as one event moves many of them."""
    if before.heat_counts is None or after.heat_counts is None or before.cores != after.cores:
        return None
    return max(now - then for then, now in zip(before.heat_counts, after.heat_counts, strict=True))


def _subtract(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


@functools.cache
def _find_counters(cores: frozenset[int], cuda: bool) -> SystemCounters:
    return SystemCounters.find(cores, gpu=NvmlGpu.find() if cuda else None)


def _find_usable_cores() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))
