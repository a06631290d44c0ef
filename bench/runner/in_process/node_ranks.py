"""NodeRanks: the training processes of one machine under torchrun, which share its cores and one answer."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.runner.in_process.remembered import Remembered, read_remembered, write_remembered

# What tells one attempt of a job from others on the same machine.
VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")
POLL_S = 0.05
# All ranks make the same calls in the same order, so their number tells which answer belongs to which.
_calls = itertools.count()


@dataclass(frozen=True)
class NodeRanks:
    """The training processes of one machine.

    Attributes:
        rank: number of this process among them.
        size: their number.
        folder: folder in which the first one leaves its answers for the others.
    """

    rank: int
    size: int
    folder: Path

    @classmethod
    def find(cls, variables: Mapping[str, str]) -> NodeRanks:
        """Return the ranks that torchrun's variables tell; a single one without them.

        Args:
            variables: environment of this process.
        """
        try:
            rank, size = int(variables["LOCAL_RANK"]), int(variables["LOCAL_WORLD_SIZE"])
        except (KeyError, ValueError):
            rank, size = 0, 1
        # Jobs that follow each other may have the same port, but not the same parent.
        marks = [*(variables.get(name, "") for name in VARIABLES), str(os.getppid())]
        digest = hashlib.sha256("\0".join(marks).encode()).hexdigest()[:16]
        user = os.getuid() if hasattr(os, "getuid") else 0
        return cls(rank, size, Path(tempfile.gettempdir()) / f"loaderbench-ranks-{user}-{digest}")

    @contextlib.contextmanager
    def hold_cores(self) -> Iterator[None]:
        """Run this process's threads on its share of the cores inside a `with` block, where Python can."""
        if self.size == 1 or not hasattr(os, "sched_setaffinity"):
            yield
            return
        cores = sorted(os.sched_getaffinity(0))
        share = max(1, len(cores) // self.size)
        own = cores[self.rank * share : (self.rank + 1) * share] or cores[:1]
        before = {thread: os.sched_getaffinity(thread) for thread in _list_threads()}
        try:
            for thread in before:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(thread, own)
            yield
        finally:
            for thread in _list_threads():
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(thread, before.get(thread, set(cores)))

    def count_call(self) -> int:
        """Return the number of this call of a tuning in this process."""
        return next(_calls)

    def answer(self, call: int, result: Remembered) -> None:
        """Leave a result for the other ranks."""
        if self.size > 1 and self._open_folder():
            write_remembered(self.folder / f"{call}.json", result)
            # Others may have waited in vain.
            self._clear(call)

    def wait(self, call: int, until_s: float) -> Remembered | None:
        """Wait for the result of the first rank; None if it comes too late.

        Args:
            call: number of the call.
            until_s: reading of time.monotonic until which to wait.
        """
        place = self.folder / f"{call}.json"
        while True:
            result = read_remembered(place) if self._open_folder() else None
            if result is not None or time.monotonic() > until_s:
                self._leave(call)
                return result
            time.sleep(POLL_S)

    def _open_folder(self) -> bool:
        """Make the folder. Return whether it is this user's own."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            return not hasattr(os, "getuid") or self.folder.stat().st_uid == os.getuid()
        except OSError:
            return False

    def _leave(self, call: int) -> None:
        """Note that this rank waits no longer for an answer."""
        with contextlib.suppress(OSError):
            (self.folder / f"{call}-{self.rank}").touch()
        self._clear(call)

    def _clear(self, call: int) -> None:
        """Remove an answer that no rank waits for any longer."""
        answer = self.folder / f"{call}.json"
        with contextlib.suppress(OSError):
            left = list(self.folder.glob(f"{call}-*"))
            if len(left) == self.size - 1 and answer.exists():
                for file in (*left, answer):
                    file.unlink(missing_ok=True)
                self.folder.rmdir()


def _list_threads() -> list[int]:
    try:
        return [int(entry.name) for entry in Path("/proc/self/task").iterdir()]
    except OSError:
        return [0]
