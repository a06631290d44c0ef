"""An iterator in a process of its own. test_trial_process has the trials."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from bench.process.child import Push
from bench.process.errors import ItemsEndedError, ProcessError
from bench.process.fresh_process import FreshProcess
from bench.process.process_tree import PR_SET_CHILD_SUBREAPER, become_subreaper
from bench.process.running_clock import read_running_s


def touching(folder: Path, items: int) -> Iterator[int]:
    """Make items, and a file for each."""
    for number in range(items):
        (folder / str(number)).touch()
        yield number


def ending_early() -> Iterator[int]:
    """Make one item and no more."""
    yield 1


class Pushing(Push[int]):
    """Sends numbers until no further one is wanted, and leaves a file that tells the answers."""

    def __init__(self, items: int, answers: Path) -> None:
        self.items, self.answers = items, answers

    def push(self, send) -> None:
        answers = [send(number) for number in range(self.items)]
        self.answers.write_text(repr(answers))


def leaving_a_daemon(file: Path) -> Iterator[int]:
    """Make an item, and start a process that leaves both the tree and the group."""
    code = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    subprocess.Popen(["sh", "-c", f'"{sys.executable}" -c "{code}" &'], start_new_session=True).wait()
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)
    yield 1


def process(work, context, tmp_path) -> FreshProcess:
    return FreshProcess(work, context=context, log=tmp_path / "log", title="a test")


def test_an_item_is_made_when_it_is_requested(context, tmp_path) -> None:
    """The process waits until the next item is requested."""
    made = tmp_path / "made"
    made.mkdir()
    with process(partial(touching, made, 3), context, tmp_path) as running:
        assert running.take(read_running_s() + 60) == 0
        time.sleep(0.2)
        assert sorted(file.name for file in made.iterdir()) == ["0"]
        assert running.take(read_running_s() + 60) == 1
        assert sorted(file.name for file in made.iterdir()) == ["0", "1"]


def array_items() -> Iterator[dict[str, np.ndarray]]:
    """Make items that hold arrays, one of them empty."""
    yield {"first": np.arange(100_000), "second": np.zeros((0, 3), np.float32)}
    yield {"first": np.ones(3)[:2]}


def test_arrays_arrive_whole(context, tmp_path) -> None:
    """Arrays are sent beside the message."""
    with process(array_items, context, tmp_path) as running:
        item = running.take(read_running_s() + 60)
        assert np.array_equal(item["first"], np.arange(100_000))
        assert item["second"].shape == (0, 3)
        assert running.take(read_running_s() + 60)["first"].tolist() == [1, 1]


def test_past_the_deadline(context, tmp_path) -> None:
    """TimeoutError is raised. Until then a function is called."""
    looks: list[int] = []
    with process(partial(time.sleep, 600), context, tmp_path) as running:
        with pytest.raises(TimeoutError):
            running.take(read_running_s() + 0.6, lambda: looks.append(running.pid))
        pid = running.pid
    assert set(looks) == {pid}
    assert not psutil.pid_exists(pid)


def test_no_item_left(context, tmp_path) -> None:
    """The error says that the process has ended."""
    with process(ending_early, context, tmp_path) as running:
        running.take(read_running_s() + 60)
        with pytest.raises(ProcessError, match="ended with exit code 0"):
            running.take(read_running_s() + 60)


@pytest.fixture
def subreaper():
    """Let this process adopt orphans until the end of the test."""
    become_subreaper()
    yield
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a chosen ancestor")
def test_a_daemon_is_ended_too(context, tmp_path, subreaper) -> None:
    """A process that left the tree and the group would disturb later trials."""
    with process(partial(leaving_a_daemon, tmp_path / "pid"), context, tmp_path) as running:
        running.take(read_running_s() + 60)
        daemon = int((tmp_path / "pid").read_text())
        assert psutil.pid_exists(daemon)
    assert not psutil.pid_exists(daemon)


def test_work_may_send_its_items_itself(context, tmp_path) -> None:
    """It is told when no further item is wanted. Its end is told apart from a failure."""
    answers = tmp_path / "answers"
    with process(partial(Pushing, 2, answers), context, tmp_path) as running:
        assert [running.take(read_running_s() + 60) for _ in range(2)] == [0, 1]
        with pytest.raises(ItemsEndedError):
            running.take(read_running_s() + 60)
    assert answers.read_text() == "[True, True]"
    with process(partial(Pushing, 1, answers), context, tmp_path) as running:
        assert running.take(read_running_s() + 60) == 0
        running.finish()
    assert answers.read_text() == "[False]"
