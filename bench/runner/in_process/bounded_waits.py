"""BoundedWaits: the iteration of a DataLoader that waits for no worker beyond a time."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

from torch._C import _error_if_any_worker_fails
from torch.utils.data import DataLoader
from torch.utils.data._utils.signal_handling import _set_SIGCHLD_handler
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from bench.runner.in_process.interrupt import OutOfTimeError

# To PyTorch, a limit of 0 is none.
SHORTEST_S = 1e-3


class BoundedWaits:
    """The epochs of a DataLoader, which wait for no worker beyond a time.

    Attributes:
        iterator: iterator of the present epoch; None before the first one.
        half_made: iterator whose making was broken off, such as by the end of its time; None for none.
    """

    def __init__(self, loader: DataLoader[Any], until_s: float) -> None:
        """Keep the loader, whose own `timeout` holds where it is shorter.

        Args:
            loader: the DataLoader. Its `timeout` is changed.
            until_s: reading of time.monotonic at which no worker is waited for any more.
        """
        self.iterator: Any = None
        self.half_made: Any = None
        self._loader = loader
        self._until_s = until_s
        self._own_s = loader.timeout or math.inf

    def iterate(self) -> Iterator[Any]:
        """Yield the batches of an epoch.

        Raises:
            OutOfTimeError: a worker hasn't answered in time.
            Exception: what the dataset has raised.
        """
        try:
            self._limit(self._loader, "timeout")
            # Persistent workers are waited for when another epoch begins.
            self._limit(self.iterator, "_timeout")
            self.iterator = self._make_iterator()
            while True:
                self._limit(self.iterator, "_timeout")
                yield next(self.iterator)
        except StopIteration:
            return
        except RuntimeError as error:
            if time.monotonic() < self._until_s:
                raise
            raise OutOfTimeError from error

    def _make_iterator(self) -> Any:
        if not self._loader.num_workers or self._loader._iterator is not None:
            return iter(self._loader)
        with _hold_back_deaths():
            try:
                self.iterator = iter(self._loader)
            except BaseException as error:
                self.half_made = _find_half_made(error)
                raise
        _error_if_any_worker_fails()
        return self.iterator

    def _limit(self, holder: object, name: str) -> None:
        # A class of the user's may have an iterator of its own.
        if hasattr(holder, name) and self._loader.num_workers and self._until_s < math.inf:
            left_s = max(SHORTEST_S, self._until_s - time.monotonic())
            object.__setattr__(holder, name, min(self._own_s, left_s))


def _find_half_made(error: BaseException) -> Any:
    """Return the iterator in whose making an error was raised; None for none. PyTorch forgets its workers."""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code is _MultiProcessingDataLoaderIter.__init__.__code__:
            iterator, worker = frame.f_locals["self"], frame.f_locals.get("w")
            if worker is not None and worker.pid is not None and worker not in iterator._workers:
                # It has just been started.
                iterator._workers.append(worker)
            return iterator
        trace = trace.tb_next
    return None


@contextlib.contextmanager
def _hold_back_deaths() -> Iterator[None]:
    """Let no worker's death interrupt a `with` block that starts workers.

    PyTorch raises it by a signal, wherever the main thread is. While the threads that feed workers are
    started, one of them would be left behind.
    """
    if not hasattr(signal, "SIGCHLD") or threading.current_thread() is not threading.main_thread():
        yield
        return
    # It is set only once. So that must not happen in the block.
    _set_SIGCHLD_handler()
    before = signal.getsignal(signal.SIGCHLD)
    if before is None:
        yield
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)
