"""SampleLook: the form of a dataset's first sample, and whether reading it leaves something open."""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import stat
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from bench.runner.in_process.interrupt import OutOfTimeError, interrupt_at
from bench.runner.in_process.opened_handles import put_back_handles
from bench.runner.in_process.random_states import keep_random_states
from bench.runner.in_process.start_method import find_start_method
from loaders.spec.turn_knobs import read_settings

if sys.platform != "win32":
    import fcntl

# Seconds to wait for the end of a killed process.
LONGEST_END_S = 1.0


@dataclass(frozen=True)
class SampleLook:
    """Findings about a dataset's first sample.

    Attributes:
        form: types, dtypes and shapes of the sample; empty where it can't be asked for.
        leaves_open: whether reading it leaves a file, a connection or a thread in the process, which can't be
            put back. Workers that are forked later would share them.
    """

    form: str = ""
    leaves_open: bool = False


def look_at_sample(loader: DataLoader[Any], until_s: float) -> SampleLook:
    """Read the first sample where the training reads it: in a forked process if its workers are forked.

    Args:
        loader: the user's DataLoader.
        until_s: reading of time.monotonic at which the sample is given up.

    Raises:
        OutOfTimeError: the sample doesn't come in time.
    """
    dataset = loader.dataset
    if isinstance(dataset, IterableDataset):
        # To ask may use it up.
        return SampleLook()
    if loader.num_workers and find_start_method(read_settings(loader)) == "fork":
        return _look_in_child(dataset, until_s)
    with keep_random_states(dataset):
        return _look(dataset, until_s)


def _look_in_child(dataset: Any, until_s: float) -> SampleLook:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_send_look, args=(dataset, there), daemon=True)
    child.start()
    there.close()
    try:
        if not here.poll(max(0.0, until_s - time.monotonic()) if until_s < math.inf else None):
            raise OutOfTimeError
        look: SampleLook = here.recv()
        return look
    except EOFError:
        # The dataset has ended its process.
        return SampleLook(leaves_open=True)
    finally:
        here.close()
        child.kill()
        child.join(LONGEST_END_S)


def _send_look(dataset: Any, pipe: Connection) -> None:
    # As in a worker. More threads may hang in a forked process.
    torch.set_num_threads(1)
    pipe.send(_look(dataset, math.inf))


def _look(dataset: Any, until_s: float) -> SampleLook:
    before = _list_open()
    with put_back_handles(dataset), interrupt_at(until_s):
        form = _describe_sample(dataset)
    if _list_open() - before:
        # Files close when nothing holds them any more.
        gc.collect()
    return SampleLook(form, bool(_list_open() - before))


def _describe_sample(dataset: Any) -> str:
    try:
        return _describe_form(dataset[0])
    # A user's dataset may raise anything.
    except Exception:
        return ""


def _describe_form(value: Any) -> str:
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, Mapping):
        return str({str(key): _describe_form(part) for key, part in value.items()})
    if isinstance(value, tuple | list):
        return str([_describe_form(part) for part in value])
    return type(value).__name__


def _list_open() -> set[tuple[int, ...]]:
    """Return the files that this process reads from, its connections and its threads, by numbers."""
    found: set[tuple[int, ...]] = {(thread.ident or 0,) for thread in threading.enumerate()}
    try:
        descriptors = [int(entry.name) for entry in Path("/dev/fd").iterdir()]
    except OSError:
        return found
    for descriptor in descriptors:
        # The list itself was one of them.
        with suppress(OSError):
            status = os.fstat(descriptor)
            if stat.S_ISSOCK(status.st_mode) or _is_read(descriptor, status):
                found.add((descriptor, status.st_dev, status.st_ino))
    return found


def _is_read(descriptor: int, status: os.stat_result) -> bool:
    """Return whether a file is read from. Shared memory has no name, and a log is only written to."""
    if sys.platform == "win32" or not stat.S_ISREG(status.st_mode) or not status.st_nlink:
        return False
    return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_WRONLY
