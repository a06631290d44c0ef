"""Runs trials in fresh processes and turns what they tell into rows: one that goes wrong costs one row."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from bench import interrupts
from bench.audit import AuditError, Finding
from bench.auditor import Auditor
from bench.causes import explained
from bench.fresh_process import INTERVAL_S, FreshProcess, ProcessError, T, describe
from bench.memory_watch import MemoryWatch, system_kills
from bench.row import Row
from bench.trial import Trial, measured
from bench.witness import Record
from loaders.source import DataError

# How often memory is looked at where there is a limit to it: what a process can take in between goes beyond.
LIMITED_INTERVAL_S = 0.05

# Of what a trial printed, when it is asked why it failed.
MOST_PRINTED_BYTES = 1 << 16

# What the system does to a process when memory runs out, as it is told here.
DEATH = re.compile(r"SIGKILL|killed by signal: Killed|exited unexpectedly")

Starter = Callable[[Callable[[], Iterator[Any]], str], FreshProcess[Any]]


class DataChangedError(RuntimeError):
    """The data's files aren't what they were when the sweep began: one line that names the first."""


@dataclass(frozen=True)
class TrialRunner:
    """How trials are run: in processes of `context`, for timeout_s seconds at most.

    log: the file that takes what they print, at its end. memory_limit_bytes: what a trial with all its
    processes may hold, pages of files not counted; None for no limit. auditor: judges their epochs, in this
    process.
    """

    context: BaseContext
    timeout_s: float
    log: Path
    memory_limit_bytes: int | None = None
    auditor: Auditor = field(default_factory=Auditor)

    def run(self, trial: Trial) -> Iterator[Row]:
        """Run a trial in a process of its own and yield its rows, each as soon as its epoch is over.

        A failure is a row too: `failed` with the exception, the signal or what the audit found, `timeout`
        past the deadline. Nothing of the trial is alive afterwards. Raises DataChangedError, and yields no
        row, where it can't be said on what an epoch was run.
        """
        with ExitStack() as processes:

            def process(work: Callable[[], Iterator[T]], what: str) -> FreshProcess[T]:
                title = f"block {trial.block}, {what}: {trial.configuration}"
                # Whoever is started is ended, also where an interrupt comes just then.
                with interrupts.held():
                    try:
                        started = FreshProcess(work, context=self.context, log=self.log, title=title)
                    except (OSError, EOFError) as error:
                        raise ProcessError(f"no process can be started: {describe(error)}") from None
                    return processes.enter_context(started)

            yield from self._rows(trial, process)

    def _rows(self, trial: Trial, process: Starter) -> Iterator[Row]:
        deadline = time.monotonic() + self.timeout_s
        started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        kills = system_kills()
        begun = self._printed_bytes()
        walls_ns: list[int] = []

        def failed(error: str) -> Row:
            if system_kills() > kills and DEATH.search(error):
                error = f"out of memory: the system ended a process for it; {error}"
            row = trial.row(len(walls_ns), started_at)
            return replace(row, status="failed", error=explained(error, self._printed_since(begun)))

        _check_data(trial)
        try:
            timed = process(trial.run, "timed")
        except ProcessError as error:
            yield failed(str(error))
            return
        watch = MemoryWatch(timed.pid, limit_bytes=self.memory_limit_bytes)
        interval_s = INTERVAL_S if self.memory_limit_bytes is None else LIMITED_INTERVAL_S
        repetition = _Repetition(trial, self.auditor, process, self.memory_limit_bytes, interval_s)
        while not (done := trial.is_done(walls_ns)) or trial.has_device_pass:
            epoch = len(walls_ns)
            try:
                report = timed.take(deadline, watch.sample, interval_s)
                paused = time.monotonic()
                _check_data(trial)
                finding = None if report.record is None else self.auditor.judge(trial, report.record)
                if finding is not None and finding.seen_share < 1:
                    in_full = repetition.finding(epoch, paused + self.timeout_s)
                    finding = replace(finding, mixing=in_full.mixing)
                deadline += time.monotonic() - paused
            except TimeoutError:
                row = trial.row(epoch, started_at)
                late = f"not done after {self.timeout_s:g} s"
                yield replace(row, status="timeout", error=explained(late, self._printed_since(begun)))
                return
            except (ProcessError, AuditError, MemoryError, DataError) as error:
                # Then what came of it says nothing of the loader.
                _check_data(trial)
                yield failed(str(error) or describe(error))
                return
            _check_data(trial)
            if not done:
                walls_ns.append(report.timings.wall_ns)
            yield measured(trial.row(epoch, started_at), report, finding, watch)
            if done:
                break
        timed.finish()

    def _printed_bytes(self) -> int:
        """How much trials have printed so far."""
        with contextlib.suppress(OSError):
            return self.log.stat().st_size
        return 0

    def _printed_since(self, begun: int) -> str:
        """The end of what has been printed since."""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(max(begun, self._printed_bytes() - MOST_PRINTED_BYTES))
            return file.read().decode("utf-8", "replace")
        return ""


def _check_data(trial: Trial) -> None:
    """DataChangedError where the data's files aren't what they were when the sweep began."""
    if (path := trial.dataset.changed()) is not None:
        raise DataChangedError(
            f"the data changed during the sweep: {path.name} was written to; put it back "
            "and resume, or measure anew"
        )


class _Repetition:
    """A trial's epochs once more, for the audit: off the clock, in another process than the timed ones."""

    def __init__(
        self,
        trial: Trial,
        auditor: Auditor,
        process: Starter,
        memory_limit_bytes: int | None,
        interval_s: float,
    ) -> None:
        self._trial = trial
        self._auditor = auditor
        self._start = process
        self._memory_limit_bytes = memory_limit_bytes
        self._interval_s = interval_s
        self._process: FreshProcess[Record] | None = None
        self._taken = 0

    def finding(self, epoch: int, deadline: float) -> Finding:
        """What the audit says of this epoch seen in full."""
        known = self._auditor.repeated(self._trial)
        while len(known) <= epoch:
            if self._process is None:
                self._process = self._start(self._trial.repeat, "repeated for the audit")
                self._watch = MemoryWatch(self._process.pid, limit_bytes=self._memory_limit_bytes)
            try:
                record = self._process.take(deadline, self._watch.sample, self._interval_s)
            except TimeoutError:
                raise ProcessError("repeated for the audit, it was not done in time") from None
            except ProcessError as error:
                raise ProcessError(f"repeated for the audit: {error}") from None
            if self._taken == len(known):
                found = self._auditor.judge(self._trial, record)
                if found.seen_share < 1:
                    raise AuditError("audit: not all batches could be looked at")
                known.append(found)
            self._taken += 1
        return known[epoch]
