"""Interrupts: what Ctrl-C, SIGTERM and a closed terminal do to a command, and when.

The first one ends what is under way, with KeyboardInterrupt; a second Ctrl-C ends the process at once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
# What a terminal sends to all processes of its group.
TERMINALS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
# What wraps a command may pass on a Ctrl-C that the terminal has sent it too.
ECHO_S = 0.2


class _State:
    """Of this process, since signals are: whether they must wait, and which have come."""

    hold_requested = False
    pending = False
    first: float | None = None


def install() -> None:
    """Answer interrupts as this module says, from now on; in the main thread."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What is ignored was made so by whoever started this, as nohup does.
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _answer)


def was_interrupted() -> bool:
    """Whether there was one."""
    return _State.first is not None


@contextmanager
def hold() -> Iterator[None]:
    """Let an interrupt wait until the end of this block, which is brief or concludes what was done."""
    before, _State.hold_requested = _State.hold_requested, True
    try:
        yield
    finally:
        _State.hold_requested = before
    _raise_pending()


@contextmanager
def let_through() -> Iterator[None]:
    """Within `held`, let an interrupt end this block."""
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


def _answer(number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    if _State.first is not None:
        # A terminal that closes may say so twice: only who insists at the keyboard is in a hurry.
        if number == signal.SIGINT and now - _State.first > ECHO_S:
            # The guardian ends what is left of the trial.
            os._exit(INTERRUPTED)
        return
    _State.first = now
    _State.pending = True
    _raise_pending()
