"""TraceReporter: traces the epochs of a script, batch by batch, in its process and in its workers."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from torch.utils.data import DataLoader

from bench.probes.loader_trace import LoaderTrace, trace_loader
from bench.records.batch_trace import BatchTrace
from bench.trial.epoch_timings import EpochTimings
from bench.workloads.audit.quick_count import make_counter
from bench.workloads.script.script_epochs import Count


class TraceReporter:
    """Traces the epochs of a script.

    A script may make its DataLoader anew for each epoch, over another dataset. So a trace ends with its epoch
    and keeps nothing alive. Only workers that live on are traced on.
    """

    def __init__(self, epochs: int) -> None:
        """Prepare to trace.

        Args:
            epochs: number of epochs that are wanted.
        """
        self._epochs = epochs
        self._done = 0
        self._context = ExitStack()
        self._trace: LoaderTrace | None = None
        self._traced: Callable[[], DataLoader[Any] | None] = lambda: None

    @property
    def is_done(self) -> bool:
        """True once as many epochs as are wanted were traced."""
        return self._done == self._epochs

    def begin(self, loader: DataLoader[Any], count: Count | None) -> Count | None:
        """Begin to trace a DataLoader, unless it is traced already, and its batches' bytes, too."""
        if self._trace is None or self._traced() is not loader:
            self.close()
            self._trace = self._context.enter_context(trace_loader(loader))
            self._traced = weakref.ref(loader)
        return self._trace.watch(count or _count_by_first())

    def report(self, timings: EpochTimings) -> BatchTrace:
        """Return the trace of an epoch."""
        assert self._trace is not None
        trace = self._trace.collect(timings, self._done)
        self._done += 1
        return trace

    def end(self) -> None:
        """End the trace with its epoch, unless the workers live on."""
        loader = self._traced()
        if loader is None or not loader.persistent_workers:
            self.close()

    def close(self) -> None:
        """End the trace, if there is one."""
        self._trace, self._traced = None, lambda: None
        self._context.close()


def _count_by_first() -> Count:
    """Return a function that counts the samples of batches by the form of the first one."""
    counts: list[Count] = []

    def count(batch: Any) -> int:
        if not counts:
            counts.append(make_counter(batch))
        return counts[0](batch)

    return count
