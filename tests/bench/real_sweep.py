"""RealSweep: a sweep in a process of its own, for tests that inject faults."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from typing_extensions import Self

from tests.paths import ROOT

TAG = "LOADERBENCH_TEST"
# Only a sweep that hangs takes so long, also beside others. No test asserts a time.
PATIENCE_S = 900.0


@contextmanager
def let_signals_through() -> Iterator[None]:
    """Let processes that are started in the block be interrupted, also where nohup started the tests."""
    numbers = (signal.SIGINT, signal.SIGHUP)
    ignored = [number for number in numbers if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


class RealSweep:
    """A process of `python -m bench.sweep`. As a context manager it ends all processes of the sweep.

    Args:
        arguments: Options of the command.
        environment: Variables to add.
        before: A command that starts the sweep's own, such as `nohup`.
        popen: Other arguments of subprocess.Popen.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        **popen: Any,
    ) -> None:
        self.tag = uuid.uuid4().hex
        self.left = False
        with let_signals_through():
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "bench.sweep", *arguments],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {}), TAG: self.tag},
                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **popen},
            )

    def find_alive(self) -> list[psutil.Process]:
        """Return the running processes of the sweep, also those that lost their parent."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(TAG) == self.tag and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def wait_until(self, condition: Callable[[], Any]) -> Any:
        """Wait until the condition holds, and return its value. Fail if the sweep ends before."""
        deadline = time.monotonic() + PATIENCE_S
        while not (held := condition()):
            if self.process.poll() is not None:
                # Not where the sweep is left: another thread reads its output then.
                raise AssertionError("ended" if self.left else self.process.communicate())
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return held

    def wait_until_gone(self) -> None:
        """Wait until no process of the sweep is alive."""
        deadline = time.monotonic() + PATIENCE_S
        while left := self.find_alive():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)

    def wait_for_end(self) -> tuple[int, str, str]:
        """Wait for the end, and return exit code, standard output and standard error."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err

    def find_workers(self) -> list[psutil.Process]:
        """Return the DataLoader workers of the current trial."""
        return [process for process in self.find_alive() if process.name() == "pt_data_worker"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left = True
        for process in (self.process, *self.find_alive()):
            if process.is_running() if isinstance(process, psutil.Process) else process.poll() is None:
                process.kill()
        self.process.communicate()


def count_lines(path: Path) -> int:
    """Return the number of whole lines of a file, 0 without a file."""
    return path.read_bytes().count(b"\n") if path.exists() else 0
