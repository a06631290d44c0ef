"""Helpers: the threads that fill a ring during an epoch."""

from __future__ import annotations

import atexit
import sys
import threading
import weakref

from loaders.ring.ring import Helpable


class Helpers:
    """Threads that fill a ring inside a `with` block.

    Args:
        ring: the ring to fill.
        count: the number of threads.
    """

    def __init__(self, ring: Helpable, count: int) -> None:
        self._ring = ring
        self._threads = [threading.Thread(target=ring.help, daemon=True) for _ in range(count)]

    def __enter__(self) -> None:
        _running.add(self)
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop the threads and wait until they have returned."""
        self._ring.stop()
        for thread in self._threads:
            if thread.ident is not None and not sys.is_finalizing():
                thread.join()
        _running.discard(self)


# Helpers of unfinished epochs when the program ends. They are ended at exit: later, their threads could not
# return, and from Python 3.13 on a join would wait for ever.
_running: weakref.WeakSet[Helpers] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for helpers in list(_running):
        helpers.end()
