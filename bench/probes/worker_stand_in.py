"""Worker stand-in: this process does what a worker of a DataLoader does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader, get_worker_info
from torch.utils.data._utils import worker as torch_worker


@contextmanager
def run_as_worker(loader: DataLoader[Any]) -> Iterator[None]:
    """Let this process be the DataLoader's first worker, for a dataset that works in workers only.

    Its worker_init_fn is called, and `get_worker_info` tells what it tells there.

    Args:
        loader: the DataLoader.
    """
    info = torch_worker.WorkerInfo(
        id=0, num_workers=loader.num_workers, seed=torch.initial_seed(), dataset=loader.dataset
    )
    before = get_worker_info()
    torch_worker._worker_info = info
    try:
        if loader.worker_init_fn is not None:
            loader.worker_init_fn(0)
        yield
    finally:
        torch_worker._worker_info = before


@contextmanager
def limit_threads(number: int | None) -> Iterator[None]:
    """Set the number of torch's threads inside a `with` block; None leaves it as it is."""
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
