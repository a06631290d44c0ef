"""Opened handles: files and connections of a dataset, which forked workers would share."""

from __future__ import annotations

import contextlib
import io
import pickle
import socket
import warnings
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch

from bench.runner.in_process.held_objects import CLOSED, LONGEST, list_held

FILES = (io.RawIOBase, io.BufferedIOBase, io.TextIOBase)
# File descriptors of the standard streams, which loggers hold.
STANDARD = (0, 1, 2)
# Packages whose objects are open files or connections, though they tell no file descriptor.
PACKAGES = ("h5py", "lmdb", "netCDF4", "sqlite3")
DATA = (torch.Tensor, np.ndarray, str, bytes, bytearray)


@contextlib.contextmanager
def put_back_handles(holder: object) -> Iterator[None]:
    """Put objects back that open a file or a connection inside a `with` block.

    Many datasets open a file at the first sample, so that each worker has its own. One that was opened in
    this process would be shared by all workers that are forked later. Caches of samples stay.

    Args:
        holder: the dataset.
    """
    before = [(one, dict(one)) for one in _list_dicts(holder)]
    try:
        yield
    finally:
        with warnings.catch_warnings():
            # Files close when nothing holds them any more.
            warnings.simplefilter("ignore", ResourceWarning)
            for one, old in before:
                if _has_new_handle(one, old):
                    one.clear()
                    one.update(old)


def holds_open_file(holder: object) -> bool:
    """Return whether a dataset holds an open file or a connection that is read from."""
    return any(_is_open(one) for one in list_held(holder))


def _list_dicts(holder: object) -> list[dict[Any, Any]]:
    """Return the dicts in an object that may hold handles: of its attributes, and its own."""
    found = []
    for one in list_held(holder):
        if isinstance(one, CLOSED):
            continue
        own = one if isinstance(one, dict) else getattr(one, "__dict__", None)
        if isinstance(own, dict) and len(own) <= LONGEST:
            found.append(own)
    return found


def _has_new_handle(now: Mapping[Any, Any], old: Mapping[Any, Any]) -> bool:
    return any(_is_handle(value) for name, value in now.items() if old.get(name, old) is not value)


def _is_open(value: object) -> bool:
    if type(value).__module__.partition(".")[0] in PACKAGES:
        return not isinstance(value, type)
    if isinstance(value, socket.socket | Connection):
        return True
    if not isinstance(value, FILES):
        return False
    try:
        # A log is only written to.
        return value.fileno() not in STANDARD and value.readable()
    except (OSError, ValueError):
        # It is in memory, or closed.
        return False


def _is_handle(value: object) -> bool:
    """Return whether no other process can have a value, as it can't be pickled, or it is an open file."""
    try:
        _Pickler(io.BytesIO()).dump(value)
    # Any class may refuse in its own way.
    except Exception:
        return True
    return holds_open_file(value)


class _Pickler(pickle.Pickler):
    """Pickles all but data."""

    def persistent_id(self, value: object) -> object:
        """Return a name for data, which isn't pickled."""
        return "data" if isinstance(value, DATA) else None
