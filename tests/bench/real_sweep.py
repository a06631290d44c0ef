"""A real sweep in a process of its own, which faults are injected into; and what it must not leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from typing_extensions import Self

from tests.paths import ROOT

TAG = "LOADERBENCH_TEST"
# No time is asserted: after so long, what was waited for never comes.
PATIENCE_S = 90.0


class RealSweep:
    """`python -m bench.sweep` with these arguments; used as a context, nothing of it is alive afterwards."""

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        **popen: Any,
    ) -> None:
        self.tag = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "bench.sweep", *arguments],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {}), TAG: self.tag},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **popen},
        )

    def alive(self) -> list[psutil.Process]:
        """The sweep's processes that run, whoever their parent is by now."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(TAG) == self.tag and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def wait_until(self, what: Callable[[], Any]) -> Any:
        """Wait until it holds while the sweep runs; what it returned."""
        deadline = time.monotonic() + PATIENCE_S
        while not (held := what()):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return held

    def wait_until_gone(self) -> None:
        """Wait until none of its processes is alive."""
        deadline = time.monotonic() + PATIENCE_S
        while left := self.alive():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)

    def ended(self) -> tuple[int, str, str]:
        """Wait for its end: exit code, what it printed, what it said of errors."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err

    def workers(self) -> list[psutil.Process]:
        """The DataLoader workers of the trial that runs now."""
        return [process for process in self.alive() if process.name() == "pt_data_worker"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self.process, *self.alive()):
            if process.is_running() if isinstance(process, psutil.Process) else process.poll() is None:
                process.kill()
        self.process.communicate()


def lines_in(path: Path) -> int:
    """How many whole lines a file has, which needn't be there."""
    return path.read_bytes().count(b"\n") if path.exists() else 0
