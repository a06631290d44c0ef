"""Runs a trial in a fresh process, with a deadline: a loader that fails, hangs or dies costs one row."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from bench import process_tree
from bench.memory_watch import MemoryWatch
from bench.row import Row
from bench.trial import EpochReport, Trial, measured

MEMORY_INTERVAL_S = 0.25
# How long a process may take to end after its last epoch before it is made to.
GRACE_S = 10.0


@dataclass(frozen=True)
class Failure:
    """What the trial's process tells of an exception: one line."""

    error: str


def fresh_process_context(modules: Iterable[str] = ()) -> BaseContext:
    """How trials are started: forked from a server that holds torch and no threads, in milliseconds.

    modules: what the server shall hold besides, so that no trial spends its time on importing them.
    Where there is no forkserver, a new interpreter imports all of it again, in seconds.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *modules])
    # Not to count the server's own start, seconds, to the first trial.
    with _main_module_hidden():
        started = context.Process(target=_nothing)
        started.start()
    started.join()
    return context


def run(trial: Trial, *, context: BaseContext, timeout_s: float, log: Path) -> Iterator[Row]:
    """Run a trial in a process of its own and yield its rows, each as soon as its epoch is over.

    A failure is a row too: `failed` with the exception or the signal, `timeout` past timeout_s seconds.
    What the process and its workers print goes to the end of `log`. Nothing of the trial is alive afterwards.
    """
    messages, sender = context.Pipe()
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]
        target=_child, args=(trial, sender, log)
    )
    with _main_module_hidden():
        process.start()
    sender.close()
    try:
        yield from _rows(trial, process, messages, timeout_s)
    finally:
        if process.is_alive():
            process_tree.kill(process.pid or 0)
        process.join()
        _kill_group(process.pid or 0)
        messages.close()


def _rows(trial: Trial, process: BaseProcess, messages: Connection, timeout_s: float) -> Iterator[Row]:
    deadline = time.monotonic() + timeout_s
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    watch = MemoryWatch(process.pid or 0)
    for epoch in range(trial.epochs):
        row = trial.row(epoch, started_at)
        try:
            message = _receive(process, messages, watch, deadline)
        except TimeoutError:
            yield replace(row, status="timeout", error=f"not done after {timeout_s:g} s")
            return
        except (EOFError, OSError):
            yield replace(row, status="failed", error=f"the trial's process {_ending(process)}")
            return
        if isinstance(message, Failure):
            yield replace(row, status="failed", error=message.error)
            return
        timings = message.timings
        yield measured(row, message, watch.peak_bytes(timings.start_ns, timings.end_ns))
        # Only now, with its row written, may the next epoch start.
        with contextlib.suppress(OSError):
            messages.send(None)
    # Ending is the trial's own work too (persistent workers end here): leave it the time.
    process.join(GRACE_S)


def _receive(
    process: BaseProcess, messages: Connection, watch: MemoryWatch, deadline: float
) -> EpochReport | Failure:
    """The next message, sampling memory while it is awaited.

    TimeoutError past the deadline; EOFError where the process has ended without a word. The pipe alone
    doesn't tell, for a child of the process that lives on holds its other end.
    """
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        ready = wait([messages, process.sentinel], min(left, MEMORY_INTERVAL_S))
        watch.sample()
        if messages.poll():
            message: EpochReport | Failure = messages.recv()
            return message
        if process.sentinel in ready:
            raise EOFError


@contextlib.contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep multiprocessing from importing the main module in the child.

    It does so for functions that are defined there. Here the main module is the command line, with all that
    draws and prints, which no training process has in its memory.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _nothing() -> None:
    """What a process does that is started for the sake of starting it."""


def _ending(process: BaseProcess) -> str:
    process.join(GRACE_S)
    code = process.exitcode
    if code is None:
        return "closed its pipe and went on"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _kill_group(pid: int) -> None:
    """Kill what a trial left behind: its process leads a group, which outlives it in its children."""
    if not hasattr(os, "killpg"):
        return
    deadline = time.monotonic() + 1
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # Until the group is empty: a signal is sent at once, but a process takes a moment to die of it.
        while time.monotonic() < deadline:
            os.killpg(pid, signal.SIGKILL)
            time.sleep(0.01)


def _child(trial: Trial, sender: Connection, log: Path) -> None:
    """The trial's process: runs the trial and tells of each epoch as soon as it is over."""
    if hasattr(os, "setsid"):
        # A group of its own: Ctrl-C at the terminal reaches the sweep, which ends its trials itself.
        os.setsid()
    _print_to(log, trial)
    # A child of forkserver would start its own workers through a forkserver again (and import torch again).
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
    try:
        for report in trial.run():
            if not _told(sender, report):
                return
    except Exception as error:
        traceback.print_exc()
        _told(sender, Failure(describe(error)))


def _told(sender: Connection, message: EpochReport | Failure) -> bool:
    """Send a message and wait until its row is written; False where nobody listens any more."""
    try:
        sender.send(message)
        sender.recv()
    except (EOFError, OSError):
        return False
    return True


def _print_to(log: Path, trial: Trial) -> None:
    """Point standard output and standard error of this process and its workers to the end of the log."""
    stream = log.open("a", buffering=1, encoding="utf-8")
    stream.write(f"--- block {trial.block}: {trial.configuration}\n")
    for descriptor in (1, 2):
        os.dup2(stream.fileno(), descriptor)
    sys.stdout = sys.stderr = stream


def describe(error: BaseException) -> str:
    """An exception in one line: its type, what it says, and the place it came from."""
    full = "".join(traceback.format_exception(error))
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    # What a worker raised arrives as text, with its own traceback inside: its last line says what happened.
    says = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"
    places = re.findall(r'File "([^"]*)", line (\d+), in (\S+)', full)
    place = f" ({Path(places[-1][0]).name}:{places[-1][1]} in {places[-1][2]})" if places else ""
    return f"{type(error).__name__}: {says}{place}"
