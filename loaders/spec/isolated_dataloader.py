"""IsolatedDataLoader: a DataLoader that torch's global state doesn't change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader


class IsolatedDataLoader(DataLoader[Any]):
    """DataLoader that delivers the same batches under any default device, default dtype and inference mode.

    torch's own draws its seed and collates labels on the default device, and ToTensor has the default dtype.
    Workers take over the state from the training process where they are forked.
    """

    def __iter__(self) -> Any:
        if not is_state_changed():
            return super().__iter__()
        with default_state():
            batches = super().__iter__()
        return _iterate(batches)


def _iterate(batches: Iterator[Any]) -> Iterator[Any]:
    while True:
        with default_state():
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def is_state_changed() -> bool:
    """Return whether torch's global state differs from that at the start of a program."""
    return (
        torch.is_inference_mode_enabled()
        or torch.get_default_dtype() != torch.float32
        or torch.empty(0).device.type != "cpu"
    )


@contextmanager
def default_state() -> Iterator[None]:
    """Set torch's global state to that at the start of a program, inside a `with` block."""
    dtype = torch.get_default_dtype()
    with torch.inference_mode(False), torch.device("cpu"):
        # For all threads: torch has no default dtype of a thread.
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
