"""SendingPickler: pickles as for a process that isn't forked, without starting one."""

from __future__ import annotations

import multiprocessing.context
from multiprocessing.reduction import ForkingPickler
from typing import Any


class SendingPickler(ForkingPickler):
    """Pickles as while a process is started: locks and queues can be sent then."""

    def dump(self, obj: Any) -> None:
        """Pickle an object."""
        multiprocessing.context.set_spawning_popen(_Popen())  # type: ignore[arg-type]
        try:
            super().dump(obj)
        finally:
            multiprocessing.context.set_spawning_popen(None)


class _Popen:
    """A process that isn't started. A descriptor stands for what it would get."""

    DupFd = int

    def duplicate_for_child(self, descriptor: int) -> int:
        """Return the descriptor as it is."""
        return descriptor
