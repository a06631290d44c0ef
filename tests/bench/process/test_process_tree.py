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
    """Start a process with one child, and return the ids of both."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        yield parent.pid, child
        process_tree.kill(parent.pid)


def test_descendants_are_found(family) -> None:
    """The child of a process is its only descendant."""
    parent, child = family
    assert process_tree.list_descendants(parent) == [child]
    assert process_tree.list_descendants(child) == []


def test_descendants_are_found_without_the_kernels_list(family, monkeypatch) -> None:
    """psutil finds them without /proc."""

    def no_proc(path):
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.iterdir", no_proc)
    assert process_tree.list_descendants(family[0]) == [family[1]]


def test_kill_ends_the_whole_tree(family) -> None:
    """Parent and child end."""
    process_tree.kill(family[0])
    assert not any(alive(pid) for pid in family)


def test_kill_does_not_wait_for_zombies(family, monkeypatch) -> None:
    """Where nothing waits for a process that has ended, it stays a zombie; here its parent never does."""
    monkeypatch.setattr(process_tree, "DEATH_S", 60.0)
    parent, child = family
    # A stopped parent can't wait for its child.
    psutil.Process(parent).suspend()
    process_tree.kill(child)
    assert psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_killing_the_dead_is_nothing(family) -> None:
    """A process that has ended meanwhile is no error."""
    process_tree.kill(family[0])
    process_tree.kill(family[0])
    assert process_tree.list_descendants(family[0]) == []


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
keep = process_tree.list_children(os.getpid())
trial = subprocess.Popen(
    [sys.executable, "-c", ESCAPING, PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
)
escaped = [int(pid) for pid in trial.communicate()[0].split()]
own, _ = start(PARENT)
adopted = escaped[0] in process_tree.list_children(os.getpid())
ended = process_tree.end_adopted(keep)
left = process_tree.list_children(os.getpid())
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
    """Return the findings of another process that adopts orphans."""
    done = subprocess.run([sys.executable, "-c", SWEEP], stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    yield found
    for pid in found["escaped"]:
        process_tree.kill(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a subreaper")
def test_an_escaped_process_of_a_trial_is_ended(sweep) -> None:
    """Neither it nor its child is left, not even as a zombie."""
    assert sweep["adopted"]
    assert sweep["ended"][:1] == sweep["escaped"][:1]
    assert not any(psutil.pid_exists(pid) for pid in sweep["escaped"])
    assert not set(sweep["escaped"]) & set(sweep["left"])
    assert sweep["again"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no sessions")
def test_a_process_of_the_sweep_itself_is_kept(sweep) -> None:
    """It was known before the trial, or has started since in the sweep's session."""
    assert sorted(sweep["left"]) == sorted(sweep["own"])
    assert sweep["alive"] == [True, True]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
