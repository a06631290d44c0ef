"""Check whether the parts of a DataLoader can be sent to workers that aren't forked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from bench.process.sending_pickler import SendingPickler
from bench.text import describe_error

# Parts that a worker gets, as a user names them.
PARTS = ("dataset", "collate_fn", "worker_init_fn")


@dataclass(frozen=True)
class PickleCheck:
    """The result of pickling the parts of a DataLoader as for a worker that isn't forked.

    Attributes:
        error: why they can't be pickled; empty if they can.
        num_bytes: bytes that a worker gets pickled, arrays included; None where they can't be pickled.
            Tensors cross in shared memory.
    """

    error: str
    num_bytes: int | None = None


def check_pickling(loader: DataLoader[Any]) -> PickleCheck:
    """Pickle the parts of a DataLoader, and keep nothing of them.

    Args:
        loader: the DataLoader, which is left as it is.
    """
    counter = _Counter()
    for name in PARTS:
        try:
            _Sending(counter).dump(getattr(loader, name))
        # A user's __getstate__ may raise anything.
        except Exception as error:
            return PickleCheck(f"{name}: {describe_error(error)}")
    return PickleCheck("", counter.num_bytes)


class _Counter:
    """A file that counts bytes and keeps none.

    Attributes:
        num_bytes: number of bytes so far.
    """

    def __init__(self) -> None:
        self.num_bytes = 0

    def write(self, data: Any) -> int:
        """Count the bytes of what is written, and drop it."""
        size = memoryview(data).nbytes
        self.num_bytes += size
        return size


class _Sending(SendingPickler):
    """Counts the content of arrays, which may be large, without copying it."""

    def __init__(self, counter: _Counter) -> None:
        super().__init__(counter)
        self._counter = counter

    def reducer_override(self, obj: Any) -> Any:
        """Replace tensors and arrays, which can always be sent."""
        if isinstance(obj, np.ndarray):
            self._counter.num_bytes += obj.nbytes
        return (int, ()) if isinstance(obj, torch.Tensor | np.ndarray) else NotImplemented
