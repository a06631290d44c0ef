"""Runs an iterator in a process of its own, with deadlines: what fails, hangs or dies there stays there."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import pickle
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from typing_extensions import Self

from bench import guardian, interrupts, process_tree
from bench.interrupts import TERMINALS

T = TypeVar("T")

# How long a process may take to end after its last item before it is made to.
GRACE_S = 10.0
# Of what an exception says, in letters: some say all the numbers that they don't like.
MOST_WORDS = 1000
# How often what waits for an item looks around meanwhile.
INTERVAL_S = 0.25


class ProcessError(RuntimeError):
    """What went wrong in the other process, in one line."""


@dataclass(frozen=True)
class _Failure:
    """What the other process tells of an exception: one line."""

    error: str


def fresh_process_context(modules: Iterable[str] = ()) -> BaseContext:
    """How such processes are started: forked from a server that holds torch and no threads, in milliseconds.

    modules: what the server shall hold besides, so that no process spends its time on importing them.
    Where there is no forkserver, a new interpreter imports all of it again, in seconds. ProcessError where
    the server can't be started.
    """
    guardian.start()
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.undisturbed", __name__, *modules])
    # Not to count the server's own start, seconds, to the first process.
    try:
        with _main_module_hidden():
            _start_server()
            started = context.Process(target=_nothing)
            started.start()
        started.join()
    except (OSError, EOFError) as error:
        raise ProcessError(f"no process can be started: {describe(error)}") from None
    return context


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
            target=_serve, args=(work, sender, log, title)
        )
        with _main_module_hidden():
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
        """The next item; `meanwhile` is called every interval_s while it is awaited, and may raise.

        deadline: on `time.monotonic()`; TimeoutError past it. ProcessError where the process failed or ended.
        """
        self._let_go_on()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._family.update(process_tree.descendants(self.pid))
            ready = wait([self._messages, self._process.sentinel], min(left, interval_s))
            meanwhile()
            # The pipe alone doesn't tell the end: a child of the process that lives on holds its other end.
            try:
                item: T | _Failure | None = _received(self._messages) if self._messages.poll() else None
            except (EOFError, OSError):
                raise ProcessError(f"the trial's process {self._ending()}") from None
            if isinstance(item, _Failure):
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
        with interrupts.held():
            self._family.update(process_tree.descendants(self.pid))
            if self._process.is_alive():
                process_tree.kill(self.pid)
            # One that can't die, as a broken disk may make it, isn't waited for.
            self._process.join(GRACE_S)
            process_tree.end_adopted(keep=self._others)
            _kill_group(self.pid)
            _remove_shared_memory(self._family)
            self._messages.close()


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


def _serve(work: Callable[[], Iterator[object]], sender: Connection, log: Path, title: str) -> None:
    """The process: hands over each item as soon as there is one."""
    if hasattr(os, "setsid"):
        # A group of its own: Ctrl-C at the terminal reaches the sweep, which ends its trials itself.
        os.setsid()
        # The server ignores these: what is measured is as a plain script.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        # A worker holds no end of the pipe: when this process dies, its end is seen, also amid a message.
        os.register_at_fork(after_in_child=sender.close)
    _print_to(log, title)
    _be_first_to_go()
    # What came with the server is no garbage: to look through it again would take a tenth of a second a time.
    gc.freeze()
    # A child of forkserver would start its own workers through a forkserver again (and import torch again).
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
    try:
        items = work()
        # One at a time: no item may lie in memory while the next one is made.
        while (item := next(items, None)) is not None:
            if not _told(sender, item):
                return
            del item
    except Exception as error:
        traceback.print_exc()
        _told(sender, _Failure(describe(error)))


def _told(sender: Connection, message: object) -> bool:
    """Send a message and wait until the next one is asked for; False where nobody listens any more."""
    buffers: list[pickle.PickleBuffer] = []
    # Arrays are sent from where they lie: copied into the message they would be in memory twice.
    head = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    try:
        sender.send((head, len(buffers)))
        for buffer in buffers:
            sender.send_bytes(buffer.raw())
        sender.recv()
    except (EOFError, OSError):
        return False
    return True


def _received(messages: Connection) -> Any:
    head, count = messages.recv()
    return pickle.loads(head, buffers=[messages.recv_bytes() for _ in range(count)])


def _print_to(log: Path, title: str) -> None:
    """Point standard output and standard error of this process and its children to the end of the log."""
    try:
        stream = log.open("a", buffering=1, encoding="utf-8")
        stream.write(f"--- {title}\n")
    except OSError:
        # What a trial prints is worth no trial.
        stream = Path(os.devnull).open("a", encoding="utf-8")  # noqa: SIM115 - as long as the process
    for descriptor in (1, 2):
        os.dup2(stream.fileno(), descriptor)
    sys.stdout = sys.stderr = stream


def _be_first_to_go() -> None:
    """Where memory runs out, let the system end this process or its children before all others."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def describe(error: BaseException) -> str:
    """An exception in one line: its type, what it says, and the place it came from."""
    full = "".join(traceback.format_exception(error))
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    # What a worker raised arrives as text, with its own traceback inside: its last line says what happened.
    says = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"
    places = re.findall(r'File "([^"]*)", line (\d+), in (\S+)', full)
    place = f" ({Path(places[-1][0]).name}:{places[-1][1]} in {places[-1][2]})" if places else ""
    return f"{type(error).__name__}: {says[:MOST_WORDS]}{'…' * (len(says) > MOST_WORDS)}{place}"
