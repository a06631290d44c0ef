"""SystemCounters: the files and devices in which this machine counts the use of its cores and its GPU."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.machine.counter_reading import CounterReading, CpuInstant
from bench.machine.cpu_quota import CpuQuota, find_quotas
from bench.machine.nvml import NvmlGpu
from bench.process.cpu_time import read_process_cpu_s, read_tree_cpu_s

# Cores whose frequency and heat are read, evenly spread over the machine, as each is a file.
MOST_CORES_READ = 16


@dataclass(frozen=True)
class SystemCounters:
    """The counters of this machine, found once, as looking for them takes most of the time.

    Attributes:
        cores: numbers of the usable cores.
        stat: the kernel's file of idle times; None if there is none.
        frequencies: files of cores' frequencies.
        heat: files that count how often heat throttled a core or its package.
        quotas: quotas of this process's control groups.
        gpu: the current CUDA device; None if it isn't read.
    """

    cores: frozenset[int]
    stat: Path | None
    frequencies: tuple[Path, ...] = ()
    heat: tuple[Path, ...] = ()
    quotas: tuple[CpuQuota, ...] = ()
    gpu: NvmlGpu | None = None

    @classmethod
    def find(
        cls, cores: frozenset[int], *, root: Path = Path("/"), gpu: NvmlGpu | None = None
    ) -> SystemCounters:
        """Look for the counters. Only Linux has files of them.

        Args:
            cores: numbers of the usable cores.
            root: folder that stands for the root of the file system.
            gpu: the current CUDA device.
        """
        ordered = sorted(cores)
        read = ordered[:: -(-len(ordered) // MOST_CORES_READ)]
        folders = [root / f"sys/devices/system/cpu/cpu{core}" for core in read]
        stat = root / "proc/stat"
        counts = ("core_throttle_count", "package_throttle_count")
        return cls(
            cores=cores,
            stat=stat if stat.exists() else None,
            # Without such a file, "cpu MHz" of /proc/cpuinfo is the nominal frequency.
            frequencies=_keep_readable(folder / "cpufreq/scaling_cur_freq" for folder in folders),
            heat=_keep_readable(
                folder / "thermal_throttle" / count for folder in folders for count in counts
            ),
            quotas=tuple(find_quotas(root)),
            gpu=gpu,
        )

    def read(self, sweep_pid: int | None = None) -> CounterReading:
        """Read all counters once.

        Args:
            sweep_pid: the sweep's process, which watches this one; None if there is none.
        """
        start = self._read_cpu(sweep_pid)
        frequencies = [khz for file in self.frequencies if (khz := _read_number(file)) is not None]
        heat = [count for file in self.heat if (count := _read_number(file)) is not None]
        throttling = [read for quota in self.quotas if (read := quota.read_throttling()) is not None]
        # Without the file of one quota the sums would seem to fall.
        has_throttling = bool(throttling) and len(throttling) == len(self.quotas)
        return CounterReading(
            start=start,
            cores=self.cores,
            mhz=sum(frequencies) / len(frequencies) / 1000 if frequencies else None,
            # Without one file the counts of the others would stand in wrong places.
            heat_counts=tuple(heat) if heat and len(heat) == len(self.heat) else None,
            quota_cores=min((quota.cores for quota in self.quotas), default=None),
            quota_count=sum(count for count, _ in throttling) if has_throttling else None,
            quota_held_s=sum(held_s for _, held_s in throttling) if has_throttling else None,
            gpu_mhz=self.gpu.read_mhz() if self.gpu else None,
            gpu_slowed=self.gpu.read_slowdown() if self.gpu else None,
            gpu_heat_s=self.gpu.read_heat_s() if self.gpu else None,
            gpu_utilization=self.gpu.read_utilization() if self.gpu else None,
            gpu_memory_bytes=self.gpu.read_memory_bytes() if self.gpu else None,
            end=self._read_cpu(sweep_pid),
        )

    def _read_cpu(self, sweep_pid: int | None) -> CpuInstant:
        idle_s, stolen_s = _read_idle_and_stolen_s(self.stat, self.cores)
        return CpuInstant(
            at_ns=time.perf_counter_ns(),
            idle_s=idle_s,
            stolen_s=stolen_s,
            own_s=read_tree_cpu_s(),
            sweep_s=(read_process_cpu_s(sweep_pid) or 0.0) if sweep_pid is not None else 0.0,
            thread_s=time.thread_time(),
            suspended_s=_read_suspended_s(),
        )


def _read_suspended_s() -> float:
    """Return the seconds for which the machine was suspended since it started; 0 if unknown."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def _read_idle_and_stolen_s(stat: Path | None, cores: frozenset[int]) -> tuple[float | None, float]:
    """Return the seconds that the cores had nothing to run, and that a hypervisor took.

    The idle time is None if it isn't known of all cores.
    """
    if stat is None:
        # macOS and Windows: psutil tells the cores in their order.
        with contextlib.suppress(Exception):  # psutil raises the platform's own errors
            times = psutil.cpu_times(percpu=True)
            return sum(times[core].idle for core in cores), 0.0
        return None, 0.0
    try:
        total, *lines = stat.read_bytes().partition(b"\nintr")[0].splitlines()
    except (OSError, ValueError):
        return None, 0.0
    if len(lines) == len(cores):
        # The kernel's own sum over all cores is cut to ticks once, not core by core, and quicker to read.
        chosen = [total]
    else:
        chosen = [line for line in lines if int(line[3 : line.index(b" ")]) in cores]
    # In the order of proc_stat(5): user nice system idle iowait irq softirq steal.
    ticks = [[int(text) for text in line.split()[1:9]] for line in chosen]
    # A sandbox may show cores that have never done anything, and a container numbers of its own.
    known = (chosen == [total] or len(chosen) == len(cores)) and all(map(any, ticks))
    hertz = os.sysconf("SC_CLK_TCK")
    stolen_s = sum(line[7] for line in ticks) / hertz
    return (sum(line[3] + line[4] for line in ticks) / hertz if known else None), stolen_s


def _keep_readable(files: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(file for file in files if _read_number(file) is not None)


def _read_number(file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(file.read_text())
    return None
