"""Forkserver: the process that trials are forked from."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
from collections.abc import Iterable, Iterator
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import BaseContext
from types import ModuleType

from bench.process import watchdog
from bench.process.errors import ProcessError
from bench.process.interrupts import TERMINALS
from bench.text import describe_error


def prepare_context(modules: Iterable[str] = ()) -> BaseContext:
    """How such processes are started: forked from a server that holds torch and no threads, in milliseconds.

    modules: what the server shall hold besides, so that no process spends its time on importing them.
    Where there is no forkserver, a new interpreter imports all of it again, in seconds. ProcessError where
    the server can't be started.
    """
    watchdog.start_watchdog()
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.undisturbed", __name__, *modules])
    # Not to count the server's own start, seconds, to the first process.
    try:
        with hide_main_module():
            _start_server()
            started = context.Process(target=_nothing)
            started.start()
        started.join()
    except (OSError, EOFError) as error:
        raise ProcessError(f"no process can be started: {describe_error(error)}") from None
    return context


@contextlib.contextmanager
def hide_main_module() -> Iterator[None]:
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


def _start_server() -> None:
    """Start the server with the terminal's signals held back, until it ignores them (bench.undisturbed).

    They reach all processes of a terminal at once, and an interpreter that is just starting would die of them
    with a traceback.
    """
    # Its own start, which the server's would include, lets signals through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINALS)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _nothing() -> None:
    """What a process does that is started for the sake of starting it."""
