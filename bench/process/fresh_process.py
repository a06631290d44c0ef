"""Runs an iterator in a process of its own, with deadlines: what fails, hangs or dies there stays there."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, TypeVar

from typing_extensions import Self

from bench.process import interrupts, process_tree
from bench.process.child import ChildFailure, receive_item, serve
from bench.process.errors import ProcessError
from bench.process.forkserver import hide_main_module
from bench.process.running_clock import notice_pause, read_running_s

T = TypeVar("T")

# How long a process may take to end after its last item before it is made to.
GRACE_S = 10.0
# How often what waits for an item looks around meanwhile.
INTERVAL_S = 0.25


class FreshProcess(Generic[T]):
    """An iterator that runs in a process of its own, one item at a time.

    The process holds still after each item until the next one is taken. What it and its children print goes
    to the end of `log`, under `title`. Used as a context; nothing of it is alive afterwards.
    """

    def __init__(
        self, work: Callable[[], Iterator[T]], *, context: BaseContext, log: Path, title: str
    ) -> None:
        self._messages, sender = context.Pipe()
        self._process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=serve, args=(work, sender, log, title)
        )
        with hide_main_module():
            self._process.start()
        # Whoever is this process's child by now is none of that process's leftovers.
        self._others = process_tree.children(os.getpid())
        sender.close()
        self._taken = False
        # It and all that were seen below it.
        self._family = {self.pid}

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid or 0

    def take(
        self, deadline: float, meanwhile: Callable[[], None] = lambda: None, interval_s: float = INTERVAL_S
    ) -> T:
        """Wait for the next item and return it.

        Args:
            deadline: reading of `read_running_s()` after which this gives up. A pause of this process doesn't count.
            meanwhile: called at least every interval_s while the item is awaited; it may raise.
            interval_s: longest time between two of these calls, in seconds.

        Raises:
            TimeoutError: the deadline has passed.
            ProcessError: the process failed or ended.
        """
        self._let_go_on()
        while True:
            left_s = deadline - read_running_s()
            if left_s <= 0:
                raise TimeoutError
            with notice_pause(interval_s):
                self._family.update(process_tree.descendants(self.pid))
                ready = wait([self._messages, self._process.sentinel], min(left_s, interval_s))
                meanwhile()
            # The pipe alone doesn't tell the end: a child of the process that lives on holds its other end.
            try:
                item: T | ChildFailure | None = (
                    receive_item(self._messages) if self._messages.poll() else None
                )
            except (EOFError, OSError):
                raise ProcessError(f"the trial's process {self._ending()}") from None
            if isinstance(item, ChildFailure):
                raise ProcessError(item.error)
            if item is not None:
                self._taken = True
                return item
            if self._process.sentinel in ready:
                raise ProcessError(f"the trial's process {self._ending()}")

    def finish(self) -> None:
        """Let the process end by itself: that is its own work too (persistent workers end here).

        It makes no further item, where it would have had any.
        """
        self._messages.close()
        self._process.join(GRACE_S)

    def _let_go_on(self) -> None:
        if self._taken:
            self._taken = False
            with contextlib.suppress(OSError):
                self._messages.send(None)

    def _ending(self) -> str:
        self._process.join(GRACE_S)
        code = self._process.exitcode
        if code is None:
            return "closed its pipe and went on"
        if code < 0:
            known = {number.value: number.name for number in signal.Signals}
            return f"was killed by {known.get(-code, f'signal {-code}')}"
        return f"ended with exit code {code}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Once an interrupt has begun to end a trial, another one doesn't stop that half-way.
        with interrupts.hold():
            self._family.update(process_tree.descendants(self.pid))
            if self._process.is_alive():
                process_tree.kill(self.pid)
            # One that can't die, as a broken disk may make it, isn't waited for.
            self._process.join(GRACE_S)
            process_tree.end_adopted(keep=self._others)
            _kill_group(self.pid)
            _remove_shared_memory(self._family)
            self._messages.close()


def _kill_group(pid: int) -> None:
    """Kill what a process left behind: it leads a group, which outlives it in its children."""
    if not hasattr(os, "killpg"):
        return
    deadline = time.monotonic() + 1
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # Until the group is empty: a signal is sent at once, but a process takes a moment to die of it.
        while time.monotonic() < deadline:
            os.killpg(pid, signal.SIGKILL)
            time.sleep(0.01)


def _remove_shared_memory(pids: Iterable[int]) -> None:
    """Remove what these processes, which have ended, left in shared memory.

    PyTorch leaves a file there where there is no room for it, and where a worker is killed that makes one.
    """
    for pid in pids:
        for path in Path("/dev/shm").glob(f"torch_{pid}_*"):
            with contextlib.suppress(OSError):
                path.unlink()
