"""ReadyWaiter: wait again and again for the same connections and processes."""

from __future__ import annotations

import select
from collections.abc import Collection, Sequence
from multiprocessing.connection import Connection, wait


class ReadyWaiter:
    """Waits for any of some connections and sentinels.

    `multiprocessing.connection.wait` registers each of them at each call. That takes a millisecond of CPU
    time at each look at a trial, on cores that the trial needs. Where the system has poll(2), this registers
    them once.
    """

    def __init__(self, awaited: Sequence[Connection | int]) -> None:
        """Register what is awaited.

        Args:
            awaited: connections, and sentinels of processes.
        """
        self._awaited = awaited
        self._poll = None
        if hasattr(select, "poll"):
            self._poll = select.poll()
            self._by_descriptor = {one if isinstance(one, int) else one.fileno(): one for one in awaited}
            for descriptor in self._by_descriptor:
                self._poll.register(descriptor, select.POLLIN)

    def wait(self, timeout_s: float) -> Collection[object]:
        """Return what can be read, or has ended.

        Args:
            timeout_s: longest wait in seconds. Then nothing is returned.
        """
        if self._poll is None:
            return wait(self._awaited, timeout_s)
        return [self._by_descriptor[descriptor] for descriptor, _ in self._poll.poll(timeout_s * 1000)]
