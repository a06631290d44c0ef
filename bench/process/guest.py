"""Guest: a sweep inside a program that goes on after it, such as a notebook or a user's script."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bench.process import interrupts, process_tree, watchdog
from bench.process.errors import ProcessError
from bench.process.lent_names import use_own_packages

_running = threading.Lock()


@contextmanager
def run_as_guest() -> Iterator[None]:
    """Change what a sweep needs in this process, and put it back at the end of the `with` block.

    That is: the names of our packages, the handling of Ctrl-C, the adoption of orphans, and the variable that
    lets the watchdog find the sweep's processes.

    Raises:
        ProcessError: another sweep runs in this process. Each would disturb the other.
    """
    if not _running.acquire(blocking=False):
        raise ProcessError("a sweep runs in this process already: run one after the other")
    try:
        with use_own_packages(), interrupts.handle():
            try:
                yield
            finally:
                process_tree.stop_adopting()
                watchdog.hide_tag()
    finally:
        _running.release()
