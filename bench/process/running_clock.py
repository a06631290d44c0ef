"""Running clock: the time in which this process ran, without the pauses in which it was stopped.

Job control (Ctrl-Z), a scheduler or a hypervisor may stop a process. A trial's time limit doesn't count that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# A busy machine may delay a process by this much. Anything longer is a pause.
MOST_DELAY_S = 1.0


@dataclass(frozen=True)
class Pause:
    """A pause of this process, which lies somewhere between two readings of `time.perf_counter_ns()`.

    Attributes:
        after_ns: the reading before the pause.
        before_ns: the reading after the pause.
        length_ns: how long it lasted at least, in nanoseconds.
    """

    after_ns: int
    before_ns: int
    length_ns: int


# The pauses of this process that were noticed since it started.
_pauses: list[Pause] = []


def read_running_s() -> float:
    """Return the seconds since an arbitrary start, without the pauses that were noticed."""
    return time.monotonic() - sum(pause.length_ns for pause in _pauses) * 1e-9


@contextmanager
def notice_pause(expected_s: float) -> Iterator[None]:
    """Notice a pause within a block, by how much longer than expected the block takes.

    Args:
        expected_s: the longest time that the block takes in a process that runs.
    """
    began_s, began_ns = time.monotonic(), time.perf_counter_ns()
    try:
        yield
    finally:
        length_s = time.monotonic() - began_s - expected_s
        if length_s > MOST_DELAY_S:
            _pauses.append(Pause(began_ns, time.perf_counter_ns(), round(length_s * 1e9)))


def find_pause_s(start_ns: int, end_ns: int) -> float:
    """Return the seconds of pauses that may have stopped another process too, as it measured something.

    A pause counts where all of it fits between the two readings. Otherwise the other process went on in it.

    Args:
        start_ns: the other process's `time.perf_counter_ns()` at its start.
        end_ns: the same at its end.
    """
    lengths_ns = (
        pause.length_ns
        for pause in _pauses
        if min(pause.before_ns, end_ns) - max(pause.after_ns, start_ns) >= pause.length_ns
    )
    return sum(lengths_ns) * 1e-9
