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

from bench.process import interrupts
from bench.process.errors import ProcessError
from bench.process.fresh_process import INTERVAL_S, FreshProcess, T
from bench.process.memory_watch import MemoryWatch, count_system_kills
from bench.records.row import Row
from bench.runner.auditor import Auditor
from bench.runner.error_diagnosis import explain_error
from bench.runner.repetition import ProcessStarter, Repetition
from bench.text import describe_error
from bench.trial.audit import AuditError
from bench.trial.epoch_row import build_row
from bench.trial.trial import Trial
from loaders.data.errors import DataError

# How often memory is looked at where there is a limit to it: what a process can take in between goes beyond.
LIMITED_INTERVAL_S = 0.05

# Of what a trial printed, when it is asked why it failed.
MOST_PRINTED_BYTES = 1 << 16

# What the system does to a process when memory runs out, as it is told here.
DEATH = re.compile(r"SIGKILL|killed by signal: Killed|exited unexpectedly")


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
                with interrupts.hold():
                    try:
                        started = FreshProcess(work, context=self.context, log=self.log, title=title)
                    except (OSError, EOFError) as error:
                        raise ProcessError(f"no process can be started: {describe_error(error)}") from None
                    return processes.enter_context(started)

            yield from self._rows(trial, process)

    def _rows(self, trial: Trial, process: ProcessStarter) -> Iterator[Row]:
        deadline = time.monotonic() + self.timeout_s
        started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        kills = count_system_kills()
        begun = self._printed_bytes()
        walls_ns: list[int] = []

        def failed(error: str) -> Row:
            if count_system_kills() > kills and DEATH.search(error):
                error = f"out of memory: the system ended a process for it; {error}"
            row = trial.row(len(walls_ns), started_at)
            return replace(row, status="failed", error=explain_error(error, self._printed_since(begun)))

        _check_data(trial)
        try:
            timed = process(trial.run, "timed")
        except ProcessError as error:
            yield failed(str(error))
            return
        watch = MemoryWatch(timed.pid, limit_bytes=self.memory_limit_bytes)
        interval_s = INTERVAL_S if self.memory_limit_bytes is None else LIMITED_INTERVAL_S
        repetition = Repetition(trial, self.auditor, process, self.memory_limit_bytes, interval_s)
        while not (done := trial.is_done(walls_ns)) or trial.has_device_pass:
            epoch = len(walls_ns)
            try:
                report = timed.take(deadline, watch.sample, interval_s)
                paused = time.monotonic()
                _check_data(trial)
                finding = None if report.record is None else self.auditor.judge(trial, report.record)
                if finding is not None and finding.seen_share < 1:
                    in_full = repetition.finding(epoch, paused + self.timeout_s)
                    finding = replace(finding, shuffle_quality=in_full.shuffle_quality)
                deadline += time.monotonic() - paused
            except TimeoutError:
                row = trial.row(epoch, started_at)
                late = f"not done after {self.timeout_s:g} s"
                yield replace(row, status="timeout", error=explain_error(late, self._printed_since(begun)))
                return
            except (ProcessError, AuditError, MemoryError, DataError) as error:
                # Then what came of it says nothing of the loader.
                _check_data(trial)
                yield failed(str(error) or describe_error(error))
                return
            _check_data(trial)
            if not done:
                walls_ns.append(report.timings.wall_ns)
            yield build_row(trial.row(epoch, started_at), report, finding, watch)
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
