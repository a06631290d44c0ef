"""Interrupts that end the work, that wait, and that end the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from bench.process import interrupts
from tests.paths import ROOT


@pytest.fixture(autouse=True)
def handlers(monkeypatch):
    """Handle interrupts as in a process that has just started, until the end of the test."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # What started the tests, such as nohup, may ignore a signal.
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    for name, value in (("hold_requested", False), ("pending", False), ("first", None)):
        monkeypatch.setattr(interrupts._State, name, value)
    interrupts.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """Give interrupts a clock that a test sets, `now_s` in seconds."""
    clock = SimpleNamespace(now_s=100.0)
    monkeypatch.setattr(interrupts, "time", SimpleNamespace(monotonic=lambda: clock.now_s))
    return clock


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_ends_the_work(number) -> None:
    """It raises KeyboardInterrupt, as Ctrl-C does in Python."""
    assert not interrupts.was_interrupted()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert interrupts.was_interrupted()


def test_it_waits_for_the_end_of_a_protected_block() -> None:
    """It is raised once, at the end."""
    done = []

    def hold() -> None:
        with interrupts.hold():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        hold()
    assert done == ["all of it"]
    with interrupts.hold():
        done.append("not again")


def test_a_protected_block_may_let_it_through() -> None:
    """One that came before is raised too, and nothing is raised afterwards."""
    with interrupts.hold():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interrupts.let_through():
            raise AssertionError
        with interrupts.let_through(), interrupts.hold():
            pass


def test_an_echo_is_no_second_one(clock) -> None:
    """A wrapper passes on the terminal's signal. A closing terminal sends it twice."""
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    clock.now_s += interrupts.ECHO_S / 2
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGHUP)
    assert interrupts.was_interrupted()


def test_a_second_one_ends_the_process() -> None:
    """It ends the process in a protected block too."""
    code = (
        "import signal, time\nfrom bench.process import interrupts\ninterrupts.install()\n"
        "with interrupts.hold():\n"
        "    signal.raise_signal(signal.SIGINT)\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(2 * interrupts.ECHO_S)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_comes_when_all_is_done_is_no_traceback(number) -> None:
    """The signal ends the process while libraries clean up."""
    code = (
        "import atexit, time\nfrom bench.process import interrupts\n"
        "atexit.register(time.sleep, 600)\natexit.register(print, 'ending', flush=True)\n"
        "interrupts.install()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(60) == -number
        assert process.stderr.read() == b""


@pytest.fixture
def program():
    """Handle Ctrl-C as Python does, which whatever has started the tests may have changed."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_program_that_goes_on_has_its_handler_back(program, clock) -> None:
    """Inside, Ctrl-C may be held, and a second one raises at once; nothing of it is left afterwards."""
    for _ in range(2):
        raised = []
        with interrupts.handle():
            try:
                with interrupts.hold():
                    os.kill(os.getpid(), signal.SIGINT)
                    raised.append("held")
                raised.append("never")
            except KeyboardInterrupt:
                assert interrupts.was_interrupted()
            clock.now_s += 2 * interrupts.ECHO_S
            with interrupts.hold(), pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert raised == ["held"]
        assert not interrupts.was_interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_thread_handles_no_signals(program) -> None:
    """Only the main thread can."""
    seen = []

    def look() -> None:
        with interrupts.handle():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
