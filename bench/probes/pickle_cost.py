"""Pickle cost: what it takes to send the parts of a DataLoader to a worker that isn't forked."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.utils.data import DataLoader

from bench.process.sending_pickler import SendingPickler

# Pickling is given up after so many seconds: a list of many small objects takes minutes.
LONGEST_S = 10.0
# Parts that a worker gets, as DataLoader names them.
PARTS = ("dataset", "collate_fn", "worker_init_fn")


def measure_pickle(loader: DataLoader[Any]) -> tuple[int, float] | None:
    """Return the bytes of a DataLoader's parts as a worker that isn't forked gets them, and the seconds.

    Tensors don't count: they cross in shared memory, and nothing of them is pickled.

    Args:
        loader: the DataLoader, which is left as it is.

    Returns:
        Bytes and seconds of one pickling; None where the parts can't be pickled, or not within ten seconds.
    """
    sink = _CountingSink()
    try:
        for name in PARTS:
            _Sending(sink).dump(getattr(loader, name))
    # A user's __getstate__ may raise anything.
    except Exception:
        return None
    return sink.num_bytes, time.perf_counter() - sink.began_s


class _CountingSink:
    """A file that counts bytes and keeps none.

    Attributes:
        num_bytes: number of bytes so far.
        began_s: reading of the clock at its begin.
    """

    def __init__(self) -> None:
        self.num_bytes = 0
        self.began_s = time.perf_counter()

    def write(self, data: Any) -> int:
        """Count the bytes of some data, and drop it.

        Raises:
            TimeoutError: it takes too long.
        """
        size = memoryview(data).nbytes
        self.num_bytes += size
        if time.perf_counter() - self.began_s > LONGEST_S:
            raise TimeoutError
        return size


class _Sending(SendingPickler):
    def reducer_override(self, obj: Any) -> Any:
        """Replace tensors: the real way would move the user's own into shared memory."""
        return (int, ()) if isinstance(obj, torch.Tensor) else NotImplemented
