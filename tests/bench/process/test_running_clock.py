"""Tests of the running clock: a pause of this process is no time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from bench.process import running_clock
from bench.process.running_clock import find_pause_s, notice_pause, read_running_s
from tests.paths import ROOT


class FakeClock:
    """A clock that tests turn on by hand, in seconds."""

    now_s = 100.0


@pytest.fixture
def clock(monkeypatch) -> FakeClock:
    fake = FakeClock()
    monkeypatch.setattr(time, "monotonic", lambda: fake.now_s)
    monkeypatch.setattr(time, "perf_counter_ns", lambda: round(fake.now_s * 1e9))
    monkeypatch.setattr(running_clock, "_pauses", [])
    return fake


def pass_turn(clock: FakeClock, seconds: float) -> None:
    """Wait 0.25 s as a sweep does, which takes so many seconds."""
    with notice_pause(0.25):
        clock.now_s += seconds


@pytest.mark.parametrize(("took_s", "counted_s"), [(0.25, 0.25), (1.2, 1.2), (10.0, 0.25), (3600.0, 0.25)])
def test_a_wait_that_lasts_too_long_is_a_pause(clock, took_s, counted_s) -> None:
    before_s = read_running_s()
    pass_turn(clock, took_s)
    assert read_running_s() - before_s == pytest.approx(counted_s)


def test_pauses_add_up(clock) -> None:
    before_s = read_running_s()
    for _ in range(3):
        pass_turn(clock, 5.25)
        clock.now_s += 1.0
    assert read_running_s() - before_s == pytest.approx(3 * 1.25)


def test_a_pause_is_noticed_where_the_block_raises(clock) -> None:
    before_s = read_running_s()

    def run_out_of_memory() -> None:
        clock.now_s += 5.25
        raise MemoryError

    with pytest.raises(MemoryError), notice_pause(0.25):
        run_out_of_memory()
    assert read_running_s() - before_s == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("start_s", "end_s", "found_s"),
    [
        (90.0, 120.0, 5.0),  # all of it lies in the epoch
        (100.2, 120.0, 5.0),  # the epoch began within the wait, and before the pause
        (90.0, 104.0, 0.0),  # the epoch ended in the pause, so its process ran
        (106.0, 120.0, 0.0),  # the epoch began after it
    ],
)
def test_a_pause_concerns_an_epoch_that_holds_all_of_it(clock, start_s, end_s, found_s) -> None:
    pass_turn(clock, 5.25)
    assert find_pause_s(round(start_s * 1e9), round(end_s * 1e9)) == pytest.approx(found_s)


WAIT_FOR_AN_ITEM = """
import multiprocessing, sys, time
from pathlib import Path

from bench.process.fresh_process import FreshProcess
from bench.process.running_clock import read_running_s


def item():
    while not Path(sys.argv[2]).exists():
        time.sleep(0.02)
    yield "done"


def say_waiting():
    print("waiting", flush=True)


fork = multiprocessing.get_context("fork")
with FreshProcess(item, context=fork, log=Path(sys.argv[1]), title="") as process:
    print(process.take(read_running_s() + 2, say_waiting))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs job control")
def test_a_stopped_process_does_not_time_out(tmp_path) -> None:
    """The process waits for an item for 2 s at most; it is stopped for 2.5 s, until the item is there."""
    made = tmp_path / "made"
    command = [sys.executable, "-c", WAIT_FOR_AN_ITEM, str(tmp_path / "log"), str(made)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "waiting\n"
        waiting.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        made.touch()
        waiting.send_signal(signal.SIGCONT)
        assert waiting.stdout.read().endswith("\ndone\n")
