"""Forkserver: the process that trials are forked from."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import BaseContext
from types import ModuleType

from bench.process.errors import ProcessError
from bench.process.interrupts import TERMINAL_SIGNALS
from bench.process.search_path import is_own_folder
from bench.process.socket_folder import make_socket_folder
from bench.process.watchdog import start_watchdog
from bench.text import describe_error


def prepare_context(modules: Iterable[str] = ()) -> BaseContext:
    """Start the server, and return the context whose processes are forked from it in milliseconds.

    The server has imported torch and has no threads. Where there is no forkserver, each process is a new
    interpreter, which imports everything again and takes seconds.

    Args:
        modules: names of modules that the server imports too, so that no process spends its time on them.

    Raises:
        ProcessError: no process can be started.
    """
    start_watchdog()
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.process.forkserver_preload", __name__, *modules])
    try:
        with hide_main_module():
            _start_server()
            # The server imports for seconds. This process waits for that, so that no trial has to.
            first = context.Process(target=_do_nothing)
            first.start()
        first.join()
    except (OSError, EOFError) as error:
        raise ProcessError(f"no process can be started: {describe_error(error)}") from None
    return context


@contextlib.contextmanager
def hide_main_module() -> Iterator[None]:
    """Keep multiprocessing from importing the main module in the child.

    It does so for functions that are defined there. Here the main module is the command line, whose libraries
    for drawing and printing would take memory in each trial's process.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _start_server() -> None:
    """Start the server while the terminal's signals are blocked; forkserver_preload makes it ignore them.

    A terminal sends them to all its processes, and an interpreter that is just starting would end with a
    traceback.
    """
    with _leave_current_folder():
        # The server's start includes that of the tracker, which would let signals through again.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _leave_current_folder() -> Iterator[None]:
    """Stay in an empty folder while an interpreter is started, so that no bench.py of a user's hides ours.

    An interpreter that is started with -c looks for modules in the current folder first. multiprocessing lets
    the server's children return to the current folder.
    """
    # In our own folder nothing hides ours, and they may be found nowhere else.
    current = None if is_own_folder(os.curdir) else os.path.realpath(os.curdir)
    if current is not None:
        # Relative paths would mean others there.
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if paths != [""]:
            os.environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, paths))
        os.chdir(make_socket_folder().path)
    try:
        yield
    finally:
        if current is not None:
            os.chdir(current)


def _do_nothing() -> None:
    """Return at once, in a process that is started to see the server ready."""
