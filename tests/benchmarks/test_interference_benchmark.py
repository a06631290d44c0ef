"""Benchmarks of the machine's counters, which are read twice an epoch outside the clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.machine import interference
from bench.machine.system_counters import SystemCounters

WORKERS = 4


@pytest.fixture
def workers():
    """Start child processes, as a loader's persistent workers are."""
    processes = [
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(WORKERS)
    ]
    yield
    for process in processes:
        process.communicate(b"\n")


@pytest.mark.benchmark(group="a reading")
def test_alone(benchmark) -> None:
    """Read the counters of a process without workers."""
    assert benchmark(interference.read_counters).start.own_s > 0


@pytest.mark.benchmark(group="a reading")
def test_with_workers(benchmark, workers) -> None:
    """Read the counters of a process with four workers, whose CPU times are read one by one."""
    assert benchmark(interference.read_counters).start.own_s > 0


@pytest.mark.benchmark(group="a reading")
def test_on_many_cores(benchmark, tmp_path) -> None:
    """Read clocks and heat of 256 cores from made-up files, without the kernel's own share."""
    cores = range(256)
    (tmp_path / "proc").mkdir()
    lines = [f"cpu{core} 1000 0 1000 100000 10 0 0 0 0 0" for core in cores]
    (tmp_path / "proc/stat").write_text(
        "\n".join(["cpu 1 0 1 1 1 0 0 0 0 0", *lines, "intr" + " 0" * 5000, ""])
    )
    for core in cores:
        folder = tmp_path / f"sys/devices/system/cpu/cpu{core}"
        for file in ("cpufreq/scaling_cur_freq", "thermal_throttle/core_throttle_count"):
            (folder / file).parent.mkdir(parents=True)
            (folder / file).write_text("2600000")
    counters = SystemCounters.find(frozenset(cores), root=tmp_path)
    assert benchmark(counters.read).mhz == 2600
