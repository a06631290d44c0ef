"""Interrupt: the end of code that never returns, such as a dataset that hangs, in the thread that runs it."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing.popen_fork import Popen
from types import FrameType

# A timer takes no less.
LEAST_S = 1e-3
# Seconds until another try where the block can't be ended, and where its code has caught the exception.
RETRY_S, AGAIN_S = 5e-3, 0.1


class OutOfTimeError(BaseException):
    """The end of code that takes too long. It comes again where a dataset catches everything."""


@contextlib.contextmanager
def interrupt_at(until_s: float) -> Iterator[None]:
    """Raise an exception inside a `with` block that is still running at a time.

    As Ctrl-C does, it ends system calls and code in Python, but no extension in C that keeps running. A fork
    is waited for. It needs the main thread and the signal SIGALRM; where these can't be had, the block is
    waited for.

    Args:
        until_s: reading of time.monotonic at which the block ends; infinity for never.

    Raises:
        OutOfTimeError: the block was still running.
    """
    if until_s == math.inf or not can_interrupt():
        yield
        return
    before = signal.getsignal(signal.SIGALRM)
    has_ended = False

    def end(number: int, frame: FrameType | None) -> None:
        del number
        if has_ended:
            return
        # An exception there would be lost in what runs after a fork, or would lose the process.
        is_forking = _is_forking(frame)
        signal.setitimer(signal.ITIMER_REAL, RETRY_S if is_forking else AGAIN_S)
        if not is_forking:
            raise OutOfTimeError

    signal.signal(signal.SIGALRM, end)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(LEAST_S, until_s - time.monotonic()))
        yield
    finally:
        try:
            has_ended = True
        finally:
            # The signal may have come before the line above.
            has_ended = True
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _is_forking(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is Popen._launch.__code__:  # type: ignore[attr-defined]
            return True
        frame = frame.f_back
    return False


def can_interrupt() -> bool:
    """Return whether this thread can be interrupted: the main one, where nobody else uses the timer."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    if signal.getitimer(signal.ITIMER_REAL)[0]:
        return False
    return signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, signal.SIG_IGN)
