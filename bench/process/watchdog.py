"""Watchdog: a small process that outlives this one by a moment and ends the processes that it left running.

A sweep ends its trials itself, unless it is killed. A loader that hangs would then hang forever.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil

from bench.process import process_tree
from bench.process.fresh_interpreter import make_command
from bench.process.socket_folder import make_socket_folder
from bench.process.temporary_folder import remove_folders

# A process that has a watchdog hands this variable down to its descendants. Its value identifies them.
TAG = "LOADERBENCH_WATCHED"
# Time that processes get to end by themselves, in seconds.
GRACE_S = 1.0
# multiprocessing's process that removes what the others shared, once they have ended.
TRACKER = "resource_tracker"

# The write end of a pipe. No other process has it, so the system closes it when this process ends.
_pipe: int | None = None
# The value of TAG in the processes that the watchdog ends.
_tag = ""


def start_watchdog() -> None:
    """Start the watchdog of this process, unless it has one.

    When this process has ended, for any reason, the watchdog waits a second. Then it kills the processes that
    this one has started since and that still run.

    Raises:
        ProcessError: no folder can hold the sockets of processes.
    """
    global _pipe, _tag
    if _pipe is not None:
        os.environ[TAG] = _tag
        return
    # The watchdog doesn't belong to another one, which may watch this process.
    environment = {name: value for name, value in os.environ.items() if name != TAG}
    os.environ[TAG] = _tag = uuid.uuid4().hex
    # Made before any process is started, so that all share it. A process that is killed removes no folder.
    folder = make_socket_folder().path
    # Where no process can be started any more, the sweep reports it.
    with contextlib.suppress(OSError):
        end, _pipe = os.pipe()
        watchdog = subprocess.Popen(
            make_command(watch_and_end, _tag, folder, _find_compile_cache(), str(os.getpid())),
            stdin=end,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            # The terminal's signals don't reach another session.
            start_new_session=True,
        )
        os.close(end)
        # It ends after this process. Without an exit code, Popen would warn that it still runs.
        watchdog.returncode = 0


def hide_tag() -> None:
    """Let the watchdog spare processes that are started from now on, until it is started again."""
    if os.environ.get(TAG) == _tag:
        os.environ.pop(TAG, None)


def watch_and_end(tag: str, folder: str, compile_cache: str, command: str) -> None:
    """Wait until standard input ends, kill all processes that have the tag, and remove temporary folders.

    Args:
        tag: value of the variable TAG in the processes.
        folder: a folder, removed with all that it holds.
        compile_cache: a folder that is removed if it is empty; "" for none.
        command: id of the process that is watched. Its own temporary folders are removed.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdin.buffer.read()
    deadline = time.monotonic() + GRACE_S
    while (running := _find_tagged(tag)) and time.monotonic() < deadline:
        time.sleep(0.05)
    # Some start other processes while they are ended, so this repeats.
    deadline = time.monotonic() + process_tree.DEATH_S
    while running and time.monotonic() < deadline:
        others = [process for process in running if not _is_tracker(process)]
        for process in others or running:
            process_tree.kill(process.pid)
        time.sleep(0.05 if others else GRACE_S)
        running = _find_tagged(tag)
    shutil.rmtree(folder, ignore_errors=True)
    remove_folders(int(command))
    with contextlib.suppress(OSError):
        os.rmdir(compile_cache)  # noqa: PTH106 - it may be ""


def _find_compile_cache() -> str:
    """Return the folder for compiled code that torch makes in the temporary folder on import, or ""."""
    cache = Path(os.environ.get("TORCHINDUCTOR_CACHE_DIR", ""))
    made = cache.name.startswith("torchinductor_") and str(cache.parent) == tempfile.gettempdir()
    return str(cache) if made else ""


def _find_tagged(tag: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(TAG) == tag and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _is_tracker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return any(TRACKER in part for part in process.cmdline())
    return False
