"""Two cores for the planted trainings, and a neighbour that takes one of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.validation.diagnosis.truth import CORES

# So many processes on one core leave a thread of the training a small share of it.
PROCESSES = 8
# It looks for its parent, so it can't outlive a killed one by more than a moment.
BURN = """
import os, sys
parent, core = map(int, sys.argv[1:])
if core >= 0:
    os.sched_setaffinity(0, [core])
while os.getppid() == parent:
    sum(range(100_000))
"""


@contextmanager
def keep_to_cores() -> Iterator[None]:
    """Keep this thread, and the processes that it starts, to as many cores as the plants are planned for.

    Where the system can't, or has no more, nothing changes.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:CORES])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def run_neighbour() -> Iterator[None]:
    """Run processes that take the last of this thread's cores, which no trial has started."""
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else -1
    words = [sys.executable, "-S", "-c", BURN, str(os.getpid()), str(core)]
    with ExitStack() as opened:
        for _ in range(PROCESSES if core >= 0 else 1):
            # A session of its own: some kernels share the cores between sessions.
            process = opened.enter_context(subprocess.Popen(words, start_new_session=True))
            opened.callback(process.kill)
        yield
