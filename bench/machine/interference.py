"""What others used of the machine while an epoch ran, and what held its cores or its GPU back.

It is read in the trial's own process right before an epoch's clock starts and right after it has stopped.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

from bench.machine.nvml import NvmlGpu
from bench.machine.system_counters import CounterReading, SystemCounters

# Others disturb an epoch when they take a tenth of the cores' time ...
DISTURBING_SHARE = 0.10
# ... and more than may be an error: the kernel tells idle time in ticks of 10 ms, so the difference of two
# readings errs by 4 ms (standard deviation) for all cores together, and by that times the root of their
# number for a part of them. This, times the root, is five of those.
RESOLUTION_S = 0.02
# Heat disturbs when it slows the GPU down for this share of the epoch. A container's quota disturbs when it
# holds the processes back for as much, and they have used less than that share of the quota: a loader that
# uses it up is held back by nobody else.
HELD_BACK_SHARE = 0.02
USED_UP_SHARE = 0.90


@dataclass(frozen=True)
class Interference:
    """What lay between two readings. None is unknown; disturbed: None for nothing, else what it was.

    own_cpu_s: CPU seconds of this process tree. other_cpu_share: CPU time of everything else (other
    processes, the kernel's own threads and interrupts, a hypervisor) over that of all usable cores.
    gpu_mhz, gpu_utilization, gpu_memory_bytes: as they were at the end.
    """

    own_cpu_s: float
    other_cpu_share: float | None
    cpu_mhz: float | None
    throttled_count: int | None
    gpu_mhz: float | None
    disturbed: str | None
    gpu_utilization: float | None = None
    gpu_memory_bytes: int | None = None


def read_counters(*, cuda: bool = False) -> CounterReading:
    """One look at the cores that this process may use and, with cuda, at the current CUDA device."""
    return _gauges(_usable_cores(), cuda).reading()


def find_interference(before: CounterReading, after: CounterReading) -> Interference:
    """What lay between two readings of one process."""
    own_s = after.start.own_s - before.end.own_s
    wall_s = (after.start.at_ns - before.end.at_ns) * 1e-9
    others_s = _others_s(before, after)
    heat, quota = _heat_count(before, after), _grown(before.quota_count, after.quota_count)
    frequencies = [mhz for mhz in (before.mhz, after.mhz) if mhz is not None]
    counts = [count for count in (heat, quota) if count is not None]
    return Interference(
        own_cpu_s=own_s,
        other_cpu_share=None if others_s is None else others_s / (wall_s * len(after.cores)),
        cpu_mhz=sum(frequencies) / len(frequencies) if frequencies else None,
        throttled_count=int(sum(counts)) if counts else None,
        gpu_mhz=after.gpu_mhz,
        disturbed="; ".join(_disturbances(before, after)) or None,
        gpu_utilization=after.gpu_utilization,
        gpu_memory_bytes=after.gpu_memory_bytes,
    )


def _disturbances(before: CounterReading, after: CounterReading) -> Iterator[str]:
    """What was worth a flag: one clause each."""
    wall_s = (after.start.at_ns - before.end.at_ns) * 1e-9
    own_s = after.start.own_s - before.end.own_s
    cores = len(after.cores)
    # In a container with a quota the whole machine is seen. Others disturb where they leave less than the
    # quota; what they do on the cores that it could never fill is no matter.
    usable = min(cores, after.quota_cores or cores)
    others_s = _others_s(before, after)
    if others_s is not None:
        taken_s = others_s - (cores - usable) * wall_s
        if taken_s > max(DISTURBING_SHARE * usable * wall_s, RESOLUTION_S * math.sqrt(cores)):
            stolen_s = after.start.stolen_s - before.end.stolen_s
            whose = "the cores" if usable == cores else f"the machine's {cores} cores"
            if stolen_s > others_s / 2:
                yield f"the hypervisor took {stolen_s / (wall_s * cores):.0%} of {whose}"
            else:
                yield f"other processes used {others_s / (wall_s * cores):.0%} of {whose}"
    heat = _heat_count(before, after)
    if heat:
        yield f"the cores were throttled {'once' if heat == 1 else f'{heat} times'} by heat"
    held_s = _grown(before.quota_held_s, after.quota_held_s) or 0.0
    if held_s > HELD_BACK_SHARE * wall_s and own_s < USED_UP_SHARE * usable * wall_s:
        yield f"the container's CPU quota held it back for {held_s:.2f} s"
    # Its counter moves in steps, so it may tell of more than the epoch.
    hot_s = min(wall_s, _grown(before.gpu_heat_s, after.gpu_heat_s) or 0.0)
    hot = hot_s > HELD_BACK_SHARE * wall_s
    if hot:
        yield f"the GPU was slowed down for {hot_s * 1000:.0f} ms by heat"
    # Heat is named once.
    if after.gpu_slowed and not (hot and after.gpu_slowed == "thermal"):
        yield f"the GPU slowed down: {after.gpu_slowed}"


def _others_s(before: CounterReading, after: CounterReading) -> float | None:
    """CPU seconds that others took of the usable cores.

    All that wasn't idle, less what this process tree used: half the error of adding up what was busy, for
    the kernel counts idle time exactly and samples busy time at its ticks. A hypervisor's share is in it.
    """
    if before.end.idle_s is None or after.start.idle_s is None or before.cores != after.cores:
        return None
    wall_s = (after.start.at_ns - before.end.at_ns) * 1e-9
    idle_s = after.start.idle_s - before.end.idle_s
    return max(0.0, wall_s * len(after.cores) - idle_s - (after.start.own_s - before.end.own_s))


def _heat_count(before: CounterReading, after: CounterReading) -> int | None:
    """How often heat held the cores back: the most of any counter, for one event moves many of them."""
    if before.heat_counts is None or after.heat_counts is None or before.cores != after.cores:
        return None
    return max(now - then for then, now in zip(before.heat_counts, after.heat_counts, strict=True))


def _grown(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


@functools.cache
def _gauges(cores: frozenset[int], cuda: bool) -> SystemCounters:
    return SystemCounters.find(cores, gpu=NvmlGpu.find() if cuda else None)


def _usable_cores() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))
