"""Reading and ending real process trees."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from bench import process_tree

CHILD = "import time; print('up', flush=True); time.sleep(600)"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE)
child.stdout.readline()  # it has started: its memory no longer changes
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def family():
    """A process with one child, as (parent, child) process ids."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        yield parent.pid, child
        process_tree.kill(parent.pid)


def test_descendants_are_found(family) -> None:
    """Children and their children."""
    parent, child = family
    assert process_tree.descendants(parent) == [child]
    assert process_tree.descendants(child) == []


def test_descendants_are_found_without_the_kernels_list(family, monkeypatch) -> None:
    """Where /proc has none, psutil finds them."""

    def no_proc(path):
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.iterdir", no_proc)
    assert process_tree.descendants(family[0]) == [family[1]]


def test_kill_ends_the_whole_tree(family) -> None:
    """Parent and child."""
    process_tree.kill(family[0])
    assert not any(alive(pid) for pid in family)


def test_killing_the_dead_is_nothing(family) -> None:
    """A process that has ended meanwhile is no error."""
    process_tree.kill(family[0])
    process_tree.kill(family[0])
    assert process_tree.descendants(family[0]) == []


def test_resident_memory_is_read(family) -> None:
    """An interpreter holds some MiB; a process that is not there holds nothing."""
    assert process_tree.resident_and_mapped_bytes(family[1])[0] > 2**20
    process_tree.kill(family[0])
    assert process_tree.resident_and_mapped_bytes(family[1]) == (0, 0)
    assert process_tree.shared_bytes(family[1]) is None


def test_shared_memory_is_a_part_of_the_resident(family) -> None:
    """Libraries are shared with every other interpreter that runs."""
    while (shared := process_tree.shared_bytes(family[1])) is None:
        assert alive(family[1])  # still starting: what it holds changes
    assert 0 < shared < process_tree.resident_and_mapped_bytes(family[1])[0]


def test_cpu_seconds_count_this_process_and_children() -> None:
    """Work here and in a child that has ended both count."""
    before = process_tree.cpu_seconds()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    grown = process_tree.cpu_seconds() - before
    assert grown >= 0.28  # the kernel counts children in ticks


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
