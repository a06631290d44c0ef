"""The status of real processes, and of the kernel's text."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from bench.process import process_status
from bench.process.process_status import ProcessStatus, read_status
from bench.process.shared_pages import read_shared_pages

linux = pytest.mark.skipif(sys.platform != "linux", reason="proc_pid_status(5)")


@pytest.fixture
def process():
    """An interpreter that has started and waits."""
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        started.stdout.readline()
        yield started
        started.kill()


def test_resident_memory_is_read(process) -> None:
    """An interpreter holds some MiB, and its parts add up; a process that has ended holds nothing."""
    status = read_status(process.pid)
    assert status.resident_bytes > 2**20
    assert not status.is_stopped
    if status.anonymous_bytes is not None:
        assert status.anonymous_bytes + status.mapped_bytes == status.resident_bytes
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert read_status(process.pid) is None
    process.wait()
    assert read_status(process.pid) is None


@linux
def test_a_stopped_process_is_seen(process) -> None:
    """By SIGSTOP, until SIGCONT."""
    process.send_signal(signal.SIGSTOP)
    while not read_status(process.pid).is_stopped:
        time.sleep(0.01)
    process.send_signal(signal.SIGCONT)
    while read_status(process.pid).is_stopped:
        time.sleep(0.01)


def test_elsewhere_the_resident_set_is_all(process, monkeypatch) -> None:
    """Nothing else is known, and no page is taken for mapped."""
    monkeypatch.setattr(process_status.sys, "platform", "darwin")
    status = read_status(process.pid)
    assert status == ProcessStatus(status.resident_bytes)
    assert status.mapped_bytes == 0


@linux
def test_a_kernel_that_tells_less_is_understood() -> None:
    """Some sandboxes know the resident set only."""
    assert process_status.parse_status(b"Name:\tpython\nVmRSS:\t    8 kB\n") == ProcessStatus(8192)
    assert process_status.parse_status(b"Name:\tkthreadd\n") is None


def test_shared_pages_are_a_part_of_the_resident(process) -> None:
    """Libraries are shared with every other interpreter that runs."""
    while (shared := read_shared_pages(process.pid)) is None:
        assert process.poll() is None  # still starting: its pages change
    assert 0 < shared.resident_bytes < read_status(process.pid).resident_bytes
    process.kill()
    process.wait()
    assert read_shared_pages(process.pid) is None


FORK = """
import os
pages = bytearray(64 * 2**20)
pid = os.fork()
if pid == 0:
    pages[:16 * 2**20] = b"x" * (16 * 2**20)
print(os.getpid(), flush=True)
input()
"""


@linux
def test_a_forked_process_shares_all_that_it_has_not_written_to(process) -> None:
    """Of 64 MiB of its parent's it has written to 16."""
    with subprocess.Popen(
        [sys.executable, "-c", FORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        (child,) = set(pids) - {parent.pid}
        while (shared := read_shared_pages(child)) is None:
            assert parent.poll() is None
        parent.communicate("\n\n")
    assert 48 <= shared.anonymous_bytes / 2**20 < 60
    assert shared.anonymous_bytes <= shared.resident_bytes
