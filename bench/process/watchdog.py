"""Guardian: a small process that outlives this one by a moment, and ends what it left running.

A sweep ends its trials itself. One that is killed can't, and a loader that hangs would hang forever.
"""

from __future__ import annotations

import contextlib
import multiprocessing.util
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil

from bench.process import process_tree

# Every process below one that has started a guardian has this variable, by which it is known to it.
TAG = "LOADERBENCH_GUARDED"
# What is ending anyway gets this long to do so by itself.
GRACE_S = 1.0
# It cleans up what the others shared, once they are gone.
LAST = "resource_tracker"

# The write end of a pipe that the system closes when this process ends: nobody else has it.
_pipe: int | None = None


def start_watchdog() -> None:
    """Guard all processes that this one starts from now on; once is enough.

    When this process has ended, in whatever way, those that still run a second later are killed.
    """
    global _pipe
    if _pipe is not None:
        return
    # Not that of a process that guards this one.
    environment = {name: value for name, value in os.environ.items() if name != TAG}
    os.environ[TAG] = tag = uuid.uuid4().hex
    code = f"import sys; sys.path.insert(0, sys.argv[1]); from {__name__} import guard; guard(*sys.argv[2:])"
    # Made now, so that all of them share it: who is killed removes none of his own.
    folder = multiprocessing.util.get_temp_dir()
    # Where no process can be started any more, a sweep says so by itself.
    with contextlib.suppress(OSError):
        end, _pipe = os.pipe()
        guardian = subprocess.Popen(
            [sys.executable, "-c", code, str(Path(__file__).resolve().parent.parent), tag, folder],
            stdin=end,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            # Nothing that is said to the terminal's processes is meant for it.
            start_new_session=True,
        )
        os.close(end)
        # Nobody waits for it, since it waits for everybody.
        guardian.returncode = 0


def watch_and_end(tag: str, folder: str) -> None:
    """Wait until standard input ends, then end all processes with that tag, and remove that folder."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdin.buffer.read()
    deadline = time.monotonic() + GRACE_S
    while (left := _tagged(tag)) and time.monotonic() < deadline:
        time.sleep(0.05)
    # Again until there are none: some start others while they are ended.
    deadline = time.monotonic() + process_tree.DEATH_S
    while left and time.monotonic() < deadline:
        first = [process for process in left if not _is_last(process)]
        for process in first or left:
            process_tree.kill(process.pid)
        time.sleep(0.05 if first else GRACE_S)
        left = _tagged(tag)
    shutil.rmtree(folder, ignore_errors=True)


def _tagged(tag: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(TAG) == tag and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _is_last(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(LAST in part for part in process.cmdline())
    return False
