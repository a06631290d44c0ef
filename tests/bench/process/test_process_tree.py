"""Reading and ending real process trees."""

from __future__ import annotations

import json
import subprocess
import sys

import psutil
import pytest

from bench.process import process_tree

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
    before = process_tree.cpu_seconds()
    with subprocess.Popen(
        [sys.executable, "-c", WORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        grown = process_tree.cpu_seconds() - before
        child.communicate(b"\n")
    assert grown >= 0.58


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own clock of a process")
def test_a_process_is_read_by_its_own_clock(family) -> None:
    """What psutil reads in ticks, to the nanosecond; nothing of a process that is gone."""
    exact = process_tree._clock_seconds(family[1])
    times = psutil.Process(family[1]).cpu_times()
    assert exact == pytest.approx(times.user + times.system, abs=0.04)
    assert exact != round(exact, 2)
    process_tree.kill(family[0])
    assert process_tree._clock_seconds(family[1]) is None


def test_cpu_seconds_count_this_process_and_children() -> None:
    """Work here and in a child that has ended both count."""
    before = process_tree.cpu_seconds()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    grown = process_tree.cpu_seconds() - before
    assert grown >= 0.28  # the kernel counts children in ticks


# A trial, in a session of its own, ends before a process that it started, which has a child. Beside it are
# two that the sweep started itself: one known before the trial, one since, in the sweep's own session.
SWEEP = f"""
import json, os, subprocess, sys
from bench.process import process_tree
def start(command, **options):
    process = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True, **options)
    return process, int(process.stdout.readline())
PARENT = {PARENT!r}
ESCAPING = '''
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
print(child.pid, int(child.stdout.readline()), flush=True)
'''
process_tree.become_subreaper()
known, _ = start(PARENT, start_new_session=True)
keep = process_tree.children(os.getpid())
trial = subprocess.Popen(
    [sys.executable, "-c", ESCAPING, PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
)
escaped = [int(pid) for pid in trial.communicate()[0].split()]
own, _ = start(PARENT)
adopted = escaped[0] in process_tree.children(os.getpid())
ended = process_tree.end_adopted(keep)
left = process_tree.children(os.getpid())
again = process_tree.end_adopted(keep)
print(json.dumps(dict(
    escaped=escaped, adopted=adopted, ended=ended, left=left, again=again,
    own=[known.pid, own.pid], alive=[known.poll() is None, own.poll() is None],
)), flush=True)
for process in (known, own):
    process_tree.kill(process.pid)
"""


@pytest.fixture(scope="module")
def sweep():
    """What a process found that adopts orphans: in another one than this, for it can't be undone."""
    done = subprocess.run([sys.executable, "-c", SWEEP], stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    yield found
    for pid in found["escaped"]:
        process_tree.kill(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a subreaper")
def test_what_escaped_from_a_trial_is_ended(sweep) -> None:
    """With its own child, and waited for: nothing of it is left, not even a zombie."""
    assert sweep["adopted"]
    assert sweep["ended"][:1] == sweep["escaped"][:1]
    assert not any(psutil.pid_exists(pid) for pid in sweep["escaped"])
    assert not set(sweep["escaped"]) & set(sweep["left"])
    assert sweep["again"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no sessions")
def test_what_the_sweep_started_itself_is_kept(sweep) -> None:
    """Known before the trial, or started since in the sweep's own session."""
    assert sorted(sweep["left"]) == sorted(sweep["own"])
    assert sweep["alive"] == [True, True]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
