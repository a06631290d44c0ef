"""ProbeRunner: run probes in fresh processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from bench.process import interrupts
from bench.process.child import Push
from bench.process.errors import ItemsEndedError, ProcessError
from bench.process.fresh_process import FreshProcess
from bench.process.memory_watch import MemoryWatch
from bench.process.running_clock import read_running_s
from bench.process.temporary_folder import remove_folders
from bench.runner.failure_watch import FailureWatch
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import check_unchanged
from bench.text import describe_error
from bench.trial.probe import Probe


class ProbeError(RuntimeError):
    """A failure of a probe, in one line."""


class ProbeRunner:
    """Runs probes, each in a process of its own, as trials run."""

    def __init__(self, context: BaseContext, limits: TrialLimits, log: Path) -> None:
        """Prepare to run probes.

        Args:
            context: starts the processes.
            limits: time and memory of each probe.
            log: file that takes the text that probes print, at its end.
        """
        self._context = context
        self._limits = limits
        self._log = log

    def run(self, probe: Probe) -> list[Any]:
        """Run a probe, and return all its items. No process of the probe is alive afterwards.

        Args:
            probe: says what to look at.

        Raises:
            ProbeError: it failed, or took too long.
            DataChangedError: the data changed, so nobody knows what was looked at.
        """
        watched = FailureWatch(self._log)
        try:
            check_unchanged(probe.workload)
            items = self._take_all(probe)
        except TimeoutError:
            raise ProbeError(watched.explain_lateness(self._limits.timeout_s)) from None
        except (ProcessError, MemoryError) as error:
            # With other data the error says nothing of the loader.
            check_unchanged(probe.workload)
            raise ProbeError(watched.explain(error)) from None
        check_unchanged(probe.workload)
        return items

    def _take_all(self, probe: Probe) -> list[Any]:
        deadline = read_running_s() + self._limits.timeout_s
        items: list[Any] = []
        with ExitStack() as processes:
            process = self._start(probe, processes)
            watch = MemoryWatch(process.pid, limit_bytes=self._limits.memory_limit_bytes)
            while True:
                try:
                    items.append(process.take(deadline, watch.sample, self._limits.interval_s))
                except ItemsEndedError:
                    return items

    def _start(self, probe: Probe, processes: ExitStack) -> FreshProcess[Any]:
        title = f"block {probe.block}, {probe.kind}: {probe.configuration}"
        # An interrupt waits, so that a process that was started is ended.
        with interrupts.hold():
            try:
                work = partial(_look, probe)
                process = FreshProcess(work, context=self._context, log=self._log, title=title)
            except (OSError, EOFError) as error:
                raise ProcessError(f"no process can be started: {describe_error(error)}") from None
            # A trace's folder, if the process is killed before it removes that itself.
            processes.callback(remove_folders, process.pid)
            return processes.enter_context(process)


class _All(Push[Any]):
    """Sends all items of an iterator, and then says that this was all."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items

    def push(self, send: Any) -> None:
        for item in self._items:
            if not send(item):
                return


def _look(probe: Probe) -> Push[Any]:
    """Make the items of a probe, in its own process."""
    items = probe.workload.probe(probe)
    return items if isinstance(items, Push) else _All(items)
