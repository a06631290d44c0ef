"""Where this machine tells how its cores and its GPU were used, and one look at all of it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.machine.nvml import NvmlGpu
from bench.process import process_tree

# Of a machine of hundreds of cores as many are asked for frequency and heat, evenly spread: each is a file.
CORES_ASKED = 16


@dataclass(frozen=True)
class CpuInstant:
    """What is read at an instant, at_ns (time.perf_counter_ns()); seconds add up since some start.

    idle_s: the usable cores had nothing to run. stolen_s: a hypervisor ran others on them. own_s: CPU
    seconds of this process tree. None is unknown.
    """

    at_ns: int
    idle_s: float | None
    stolen_s: float
    own_s: float


@dataclass(frozen=True)
class CounterReading:
    """One look at the machine. None is unknown; counts and seconds add up since some start.

    start, end: the instants at which the looking began and ended, so that its own cost stays outside.
    cores: the numbers of the usable ones. mhz: their mean frequency. heat_counts: how often heat held each
    core, and its package, back. quota_cores: CPU seconds a second that the container may use. quota_count,
    quota_held_s: how often and how long, added over the cores, it held the container back.
    gpu_slowed: why the GPU runs slower than it could. gpu_heat_s: how long heat slowed it down.
    gpu_utilization, gpu_memory_bytes: its use by whoever, in a sample period that just ended, and now.
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


@dataclass(frozen=True)
class Quota:
    """A control group that may use `cores` CPU seconds a second; stat: tells how it was held back."""

    stat: Path
    cores: float


@dataclass(frozen=True)
class SystemCounters:
    """Where this machine tells what a Reading holds: found once, for looking for files costs most."""

    cores: frozenset[int]
    stat: Path | None
    frequencies: tuple[Path, ...] = ()
    heat: tuple[Path, ...] = ()
    quotas: tuple[Quota, ...] = ()
    gpu: NvmlGpu | None = None

    @classmethod
    def find(
        cls, cores: frozenset[int], *, root: Path = Path("/"), gpu: NvmlGpu | None = None
    ) -> SystemCounters:
        """Look for them below root; the directories are those of Linux, elsewhere there are none."""
        ordered = sorted(cores)
        asked = ordered[:: -(-len(ordered) // CORES_ASKED)]
        folders = [root / f"sys/devices/system/cpu/cpu{core}" for core in asked]
        stat = root / "proc/stat"
        counts = ("core_throttle_count", "package_throttle_count")
        return cls(
            cores=cores,
            stat=stat if stat.exists() else None,
            # Not the "cpu MHz" of /proc/cpuinfo: where there is no such file it is the nominal frequency.
            frequencies=_readable(folder / "cpufreq/scaling_cur_freq" for folder in folders),
            heat=_readable(folder / "thermal_throttle" / count for folder in folders for count in counts),
            quotas=tuple(_quotas(root)),
            gpu=gpu,
        )

    def reading(self) -> CounterReading:
        """Look at all of them once."""
        start = self._moment()
        frequencies = [khz for file in self.frequencies if (khz := _number(file)) is not None]
        heat = [count for file in self.heat if (count := _number(file)) is not None]
        throttled = [told for quota in self.quotas if (told := _throttled(quota.stat)) is not None]
        # Without one of them the sums would seem to fall.
        quotas_told = bool(throttled) and len(throttled) == len(self.quotas)
        return CounterReading(
            start=start,
            cores=self.cores,
            mhz=sum(frequencies) / len(frequencies) / 1000 if frequencies else None,
            # One that has gone would put the others in wrong places.
            heat_counts=tuple(heat) if heat and len(heat) == len(self.heat) else None,
            quota_cores=min((quota.cores for quota in self.quotas), default=None),
            quota_count=sum(count for count, _ in throttled) if quotas_told else None,
            quota_held_s=sum(held_s for _, held_s in throttled) if quotas_told else None,
            gpu_mhz=self.gpu.mhz() if self.gpu else None,
            gpu_slowed=self.gpu.slowed() if self.gpu else None,
            gpu_heat_s=self.gpu.heat_s() if self.gpu else None,
            gpu_utilization=self.gpu.utilization() if self.gpu else None,
            gpu_memory_bytes=self.gpu.memory_bytes() if self.gpu else None,
            end=self._moment(),
        )

    def _moment(self) -> CpuInstant:
        idle_s, stolen_s = _idle_and_stolen_s(self.stat, self.cores)
        return CpuInstant(time.perf_counter_ns(), idle_s, stolen_s, process_tree.cpu_seconds())


def _idle_and_stolen_s(stat: Path | None, cores: frozenset[int]) -> tuple[float | None, float]:
    """Seconds that these cores had nothing to run, None where not all of them tell, and that were stolen."""
    if stat is None:
        # macOS, Windows: psutil knows them in their order.
        with contextlib.suppress(Exception):  # psutil raises what the platform happens to
            times = psutil.cpu_times(percpu=True)
            return sum(times[core].idle for core in cores), 0.0
        return None, 0.0
    try:
        total, *lines = stat.read_bytes().partition(b"\nintr")[0].splitlines()
    except (OSError, ValueError):
        return None, 0.0
    if len(lines) == len(cores):
        # All of them: the kernel's own sum is cut to ticks once, not core by core, and quicker to read.
        chosen = [total]
    else:
        chosen = [line for line in lines if int(line[3 : line.index(b" ")]) in cores]
    # In the order of proc_stat(5): user nice system idle iowait irq softirq steal.
    ticks = [[int(text) for text in line.split()[1:9]] for line in chosen]
    # A sandbox may show cores that have never done anything, a container numbers of its own.
    known = (chosen == [total] or len(chosen) == len(cores)) and all(map(any, ticks))
    hertz = os.sysconf("SC_CLK_TCK")
    stolen_s = sum(line[7] for line in ticks) / hertz
    return (sum(line[3] + line[4] for line in ticks) / hertz if known else None), stolen_s


def _quotas(root: Path) -> Iterator[Quota]:
    """The control groups above this process that have a quota, of either version of control groups."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    groups = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    controllers = next((names for names in groups if "cpu" in names.split(",")), "")
    path = groups.get(controllers, "/").strip("/")
    mount = root / "sys/fs/cgroup"
    if controllers:
        mount /= "cpu"  # a link to cpu,cpuacct where the two are one
    # A container may see itself as the top and its path as the machine's; then only the top is there.
    for folder in (mount / path, *(mount / path).parents):
        with contextlib.suppress(OSError, ValueError):
            if controllers:
                quota = int((folder / "cpu.cfs_quota_us").read_text())
                period = int((folder / "cpu.cfs_period_us").read_text())
            else:
                quota, period = map(int, (folder / "cpu.max").read_text().split())
            if quota > 0:
                yield Quota(folder / "cpu.stat", quota / period)
        if folder == mount:
            return


def _throttled(stat: Path) -> tuple[int, float] | None:
    """How often a control group was held back, and for how many seconds, added over the cores."""
    with contextlib.suppress(OSError, ValueError):
        told = dict(line.split() for line in stat.read_text().splitlines())
        # Microseconds in version 2 of control groups, nanoseconds in version 1.
        held_s = int(told.get("throttled_usec", 0)) * 1e-6 + int(told.get("throttled_time", 0)) * 1e-9
        return int(told.get("nr_throttled", 0)), held_s
    return None


def _readable(files: Iterator[Path]) -> tuple[Path, ...]:
    return tuple(file for file in files if _number(file) is not None)


def _number(file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(file.read_text())
    return None
