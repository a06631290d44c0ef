"""Fresh process: runs an iterator, with a deadline for each item. Its failures don't reach this process."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, TypeVar

from typing_extensions import Self

from bench.process import interrupts, process_tree
from bench.process.child import ChildEnd, ChildFailure, Push, receive_item, serve
from bench.process.errors import ItemsEndedError, ProcessError
from bench.process.forkserver import hide_main_module
from bench.process.ready_waiter import ReadyWaiter
from bench.process.running_clock import notice_pause, read_running_s
from bench.process.timed_command import describe_exit_code

T = TypeVar("T")

# Time that a process gets to end by itself after its last item, in seconds.
GRACE_S = 10.0
# Time between two calls of a function while an item is awaited, in seconds.
INTERVAL_S = 0.25
# Time between two looks for descendants, in seconds. A look takes a millisecond for 16 of them.
FAMILY_INTERVAL_S = 1.0


class FreshProcess(Generic[T]):
    """An iterator that runs in a process of its own, one item at a time.

    The process waits after each item until the next one is taken. It is a context manager: at its end the
    process and its descendants are killed, and their shared memory is removed.
    """

    def __init__(
        self, work: Callable[[], Iterator[T] | Push[T]], *, context: BaseContext, log: Path, title: str
    ) -> None:
        """Start the process.

        Args:
            work: makes the iterator, in the process, or a `Push` that sends the items itself.
            context: starts the process.
            log: file that takes what the process and its children print, at its end.
            title: line in the file before that.
        """
        self._messages, sender = context.Pipe()
        self._process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=serve, args=(work, sender, log, title)
        )
        with hide_main_module():
            self._process.start()
        # Existing children do not belong to the new process; clean-up keeps them.
        self._others = process_tree.list_children(os.getpid())
        sender.close()
        self._waiter = ReadyWaiter((self._messages, self._process.sentinel))
        self._taken = False
        # Ids of the process and of all descendants that were seen.
        self._family = {self.pid}
        self._look_at_s = time.monotonic()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid or 0

    def take(
        self, deadline: float, meanwhile: Callable[[], None] = lambda: None, interval_s: float = INTERVAL_S
    ) -> T:
        """Wait for the next item and return it.

        Args:
            deadline: reading of `read_running_s()` after which this gives up. A pause of this process does
                not count.
            meanwhile: called at least every interval_s while the item is awaited; it may raise.
            interval_s: longest time between two of these calls, in seconds.

        Raises:
            TimeoutError: the deadline has passed.
            ItemsEndedError: the process makes no further item, though it went well.
            ProcessError: the process failed or ended.
        """
        self._request_next()
        while True:
            left_s = deadline - read_running_s()
            if left_s <= 0:
                raise TimeoutError
            with notice_pause(interval_s):
                if time.monotonic() >= self._look_at_s:
                    self._family.update(process_tree.list_descendants(self.pid))
                    self._look_at_s = time.monotonic() + FAMILY_INTERVAL_S
                ready = self._waiter.wait(min(left_s, interval_s))
                meanwhile()
            # A child that outlives the process may keep the pipe open, so the process is watched too.
            try:
                item: T | ChildFailure | ChildEnd | None = (
                    receive_item(self._messages) if self._messages in ready else None
                )
            except (EOFError, OSError):
                raise ProcessError(f"the trial's process {self._describe_end()}") from None
            if isinstance(item, ChildFailure):
                raise ProcessError(item.error)
            if isinstance(item, ChildEnd):
                raise ItemsEndedError("the trial's process has ended, and makes no further item")
            if item is not None:
                self._taken = True
                return item
            if self._process.sentinel in ready:
                raise ProcessError(f"the trial's process {self._describe_end()}")

    def finish(self) -> None:
        """Let the process end by itself, as persistent workers do then. It makes no further item."""
        self._messages.close()
        self._process.join(GRACE_S)

    def _request_next(self) -> None:
        if self._taken:
            self._taken = False
            with contextlib.suppress(OSError):
                self._messages.send(None)

    def _describe_end(self) -> str:
        self._process.join(GRACE_S)
        code = self._process.exitcode
        return "closed its pipe and went on" if code is None else describe_exit_code(code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # An interrupt may have ended the trial. Another one must not stop the clean-up half-way.
        with interrupts.hold():
            self._family.update(process_tree.list_descendants(self.pid))
            if self._process.is_alive():
                process_tree.kill(self.pid)
            # A process that waits for a broken disk can't die.
            self._process.join(GRACE_S)
            process_tree.end_adopted(keep=self._others)
            _kill_group(self.pid)
            _remove_shared_memory(self._family)
            self._messages.close()


def _kill_group(pid: int) -> None:
    """Kill the processes of the group that a process leads, which may outlive it."""
    if not hasattr(os, "killpg"):
        return
    deadline = time.monotonic() + 1
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # A process takes a moment to die. ProcessLookupError says that the group is empty.
        while time.monotonic() < deadline:
            os.killpg(pid, signal.SIGKILL)
            time.sleep(0.01)


def _remove_shared_memory(pids: Iterable[int]) -> None:
    """Remove the files of processes that have ended from shared memory.

    PyTorch leaves one where there is no room for it, and where a worker is killed as it makes it.
    """
    for pid in pids:
        for path in Path("/dev/shm").glob(f"torch_{pid}_*"):
            with contextlib.suppress(OSError):
                path.unlink()
