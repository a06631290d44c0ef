"""Check whether the parts of a DataLoader can be sent to workers that aren't forked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from bench.process.sending_pickler import SendingPickler
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


class _Sending(SendingPickler):
    """Drops the content of arrays, which may be large."""

    def reducer_override(self, obj: Any) -> Any:
        """Replace tensors and arrays, which can always be sent."""
        return (int, ()) if isinstance(obj, torch.Tensor | np.ndarray) else NotImplemented


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: bytes) -> int:
        """Drop what is written."""
        return len(data)
