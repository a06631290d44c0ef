"""CpuQuota: the CPU time that a container may use, and how often it was held back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.machine.control_groups import find_control_groups


@dataclass(frozen=True)
class CpuQuota:
    """CPU time that a control group may use.

    Attributes:
        stat: file that counts how often the group was throttled.
        cores: CPU seconds a second that the group may use.
    """

    stat: Path
    cores: float

    def read_throttling(self) -> tuple[int, float] | None:
        """Return how often the group was throttled, and for how many seconds, added over the cores."""
        with contextlib.suppress(OSError, ValueError):
            counters = dict(line.split() for line in self.stat.read_text().splitlines())
            # Microseconds in version 2 of control groups, nanoseconds in version 1.
            held_s = (
                int(counters.get("throttled_usec", 0)) * 1e-6 + int(counters.get("throttled_time", 0)) * 1e-9
            )
            return int(counters.get("nr_throttled", 0)), held_s
        return None


def find_quotas(root: Path) -> Iterator[CpuQuota]:
    """Yield the quotas of this process's control group and of those above it.

    Args:
        root: folder that stands for the root of the file system.
    """
    for group in find_control_groups("cpu", root):
        cores = _read_cores(group)
        if cores is not None:
            yield CpuQuota(group / "cpu.stat", cores)


def _read_cores(group: Path) -> float | None:
    """Return the quota of a control group of either version in cores; None without a quota."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = map(int, (group / "cpu.max").read_text().split())
        return quota / period
    with contextlib.suppress(OSError, ValueError):
        quota = int((group / "cpu.cfs_quota_us").read_text())
        if quota > 0:
            return quota / int((group / "cpu.cfs_period_us").read_text())
    return None
