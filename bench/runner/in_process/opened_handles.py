"""Opened handles: files and connections of a dataset, which forked workers would share."""

from __future__ import annotations

import contextlib
import io
import itertools
import pickle
import socket
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch

from bench.runner.in_process.held_objects import CLOSED, LONGEST, list_held, read_attributes

FILES = (io.RawIOBase, io.BufferedIOBase, io.TextIOBase)
# File descriptors of the standard streams, which loggers hold.
STANDARD = (0, 1, 2)
# Packages whose objects are open files or connections, though they tell no file descriptor, and such classes.
PACKAGES = (
    *(
        "av",
        "decord",
        "duckdb",
        "h5py",
        "lmdb",
        "netCDF4",
        "psycopg",
        "psycopg2",
        "pysam",
        "sqlite3",
        "tables",
    ),
    "torchcodec",
)
CLASSES = ("cv2.VideoCapture",)
DATA = (torch.Tensor, np.ndarray, str, bytes, bytearray)
# Values of a dict or list that may hold handles.
MOST = 10_000
Container = dict[Any, Any] | list[Any]


@contextlib.contextmanager
def put_back_handles(holder: object) -> Iterator[None]:
    """Put objects back that open a file or a connection inside a `with` block.

    Many datasets open a file at the first sample, so that each worker has its own. One that was opened in
    this process would be shared by all workers that are forked later. Caches of samples stay.

    Args:
        holder: the dataset, or a tuple of it and other objects.
    """
    before = [(one, _copy(one)) for one in _list_containers(holder)]
    try:
        yield
    finally:
        with warnings.catch_warnings():
            # Files close when nothing holds them any more.
            warnings.simplefilter("ignore", ResourceWarning)
            for one, old in before:
                if _has_new_handle(one, old):
                    _put_back(one, old)


def holds_open_file(holder: object) -> bool:
    """Return whether a dataset holds an open file or a connection that is read from."""
    return any(_is_open(one) for one in list_held(holder))


def _list_containers(holder: object) -> list[Container]:
    """Return the dicts and lists in an object that may hold handles: those of its attributes, and its own."""
    found: list[Container] = []
    for one in list_held(holder):
        if isinstance(one, CLOSED):
            continue
        parts = (one, read_attributes(one))
        found += [part for part in parts if isinstance(part, dict | list) and len(part) <= MOST]
    return found


def _copy(container: Container) -> Container:
    return list(container) if isinstance(container, list) else dict(container)


def _has_new_handle(now: Container, old: Container) -> bool:
    """Return whether a container has got a handle. A large cache is judged by its first new values."""
    known, values = (dict(enumerate(one)) if isinstance(one, list) else one for one in (old, now))
    new = (value for place, value in values.items() if known.get(place, known) is not value)
    return any(_is_handle(value) for value in itertools.islice(new, LONGEST))


def _put_back(now: Container, old: Container) -> None:
    now.clear()
    if isinstance(now, list):
        now.extend(old)
    else:
        now.update(old)


def _is_open(value: object) -> bool:
    kind = type(value)
    if kind.__module__.partition(".")[0] in PACKAGES or f"{kind.__module__}.{kind.__name__}" in CLASSES:
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
