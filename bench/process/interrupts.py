"""Interrupts: Ctrl-C, SIGTERM and a closed terminal, as a command handles them.

The first interrupt raises KeyboardInterrupt. A second Ctrl-C ends the process at once.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# The exit code of an interrupted command.
INTERRUPTED = 130
# A terminal sends these to all processes of its group.
TERMINAL_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
# A wrapper such as `timeout` passes on, within this time, a Ctrl-C that the terminal has sent to both.
ECHO_S = 0.2


class _State:
    """State of this process.

    Attributes:
        hold_requested: an interrupt must wait.
        pending: one has come and waits.
        first: when the first one came, on `time.monotonic()`; None before.
        ends_process: whether a second Ctrl-C ends the process.
    """

    hold_requested = False
    pending = False
    first: float | None = None
    ends_process = True


def install() -> None:
    """Handle interrupts as this module says, until the command ends. Only the main thread can do this."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # A program that has started this one, such as nohup, may have made it ignore a signal.
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _handle)
            # Libraries clean up at the end. A KeyboardInterrupt would be a traceback there.
            atexit.register(signal.signal, number, signal.SIG_DFL)


@contextmanager
def handle() -> Iterator[None]:
    """Handle Ctrl-C inside a `with` block of a program that goes on afterwards.

    The first one raises KeyboardInterrupt, and may be held. A second one raises it at once. Nothing changes
    in a thread other than the main one, where no signal arrives, and in a program with a handler of its own.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _State.ends_process = False
    signal.signal(signal.SIGINT, _handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _State.ends_process, _State.first, _State.pending = True, None, False


def was_interrupted() -> bool:
    """Return whether an interrupt has come."""
    return _State.first is not None


@contextmanager
def hold() -> Iterator[None]:
    """Let an interrupt wait until the end of the block."""
    before, _State.hold_requested = _State.hold_requested, True
    try:
        yield
    finally:
        _State.hold_requested = before
    _raise_pending()


@contextmanager
def let_through() -> Iterator[None]:
    """Let an interrupt end the block, inside a block that `hold` protects."""
    before, _State.hold_requested = _State.hold_requested, False
    try:
        _raise_pending()
        yield
    finally:
        _State.hold_requested = before


def _raise_pending() -> None:
    if _State.pending and not _State.hold_requested:
        _State.pending = False
        raise KeyboardInterrupt


def _handle(number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    if _State.first is not None:
        # A closing terminal may send its signal twice. Only a Ctrl-C that a user repeats means now.
        if number == signal.SIGINT and now - _State.first > ECHO_S:
            if not _State.ends_process:
                raise KeyboardInterrupt
            # The watchdog ends the trial's processes.
            os._exit(INTERRUPTED)
        return
    _State.first = now
    _State.pending = True
    _raise_pending()
