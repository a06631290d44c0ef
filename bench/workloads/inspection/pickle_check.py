"""Check whether the parts of a DataLoader can be sent to workers that aren't forked."""

from __future__ import annotations

import multiprocessing.context
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from bench.text import describe_error

# Parts that a worker gets, as a user names them.
PARTS = ("dataset", "collate_fn", "worker_init_fn")


def find_pickle_error(loader: DataLoader[Any]) -> str:
    """Return why a DataLoader can't have workers that aren't forked; empty if it can."""
    for name in PARTS:
        try:
            _Sending(_Nowhere()).dump(getattr(loader, name))
        # A user's __getstate__ may raise anything.
        except Exception as error:
            return f"{name}: {describe_error(error)}"
    return ""


class _Sending(ForkingPickler):
    """Pickles as for a new process, and drops the content of arrays, which may be large."""

    def reducer_override(self, obj: Any) -> Any:
        """Replace tensors and arrays, which can always be sent."""
        return (int, ()) if isinstance(obj, torch.Tensor | np.ndarray) else NotImplemented

    def dump(self, obj: Any) -> None:
        """Pickle as while a process is started: locks and queues can be sent then."""
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


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: bytes) -> int:
        """Drop what is written."""
        return len(data)
