"""CPU time of real processes."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from bench.process.cpu_time import read_process_cpu_s, read_tree_cpu_s


@pytest.fixture
def process():
    """An interpreter that has started and waits."""
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        started.stdout.readline()
        yield started
        started.kill()


# A child of its own that has worked for 0.3 s and is still there, and one below it that did and ended.
WORKING = """
import subprocess, sys, time
work = "import time\\nwhile time.process_time() < 0.3: pass"
subprocess.run([sys.executable, "-c", work], check=True)
exec(work)
print("done", flush=True)
input()
"""


def test_cpu_seconds_count_children_that_live_and_those_they_waited_for() -> None:
    """0.3 s each: the first to the nanosecond on Linux, the second in ticks."""
    before = read_tree_cpu_s()
    with subprocess.Popen(
        [sys.executable, "-c", WORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        grown = read_tree_cpu_s() - before
        child.communicate(b"\n")
    assert grown >= 0.58


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own clock of a process")
def test_a_process_is_read_by_its_own_clock(process) -> None:
    """The clock agrees with psutil's ticks; a process that is gone has none."""
    exact = read_process_cpu_s(process.pid)
    times = psutil.Process(process.pid).cpu_times()
    assert exact == pytest.approx(times.user + times.system, abs=0.04)
    assert exact != round(exact, 2)
    process.kill()
    process.wait()
    assert read_process_cpu_s(process.pid) is None


def test_cpu_seconds_count_this_process_and_children() -> None:
    """Work here and in a child that has ended both count."""
    before = read_tree_cpu_s()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    grown = read_tree_cpu_s() - before
    assert grown >= 0.28  # the kernel counts children in ticks
