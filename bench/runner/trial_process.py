"""TrialRunner: run trials in fresh processes and turn their reports into rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from multiprocessing.context import BaseContext
from pathlib import Path

from bench.process import interrupts
from bench.process.child import Push
from bench.process.errors import ItemsEndedError, ProcessError
from bench.process.fresh_process import FreshProcess, T
from bench.process.memory_watch import MemoryWatch
from bench.process.running_clock import find_pause_s, read_running_s
from bench.records.delivered_pictures import DeliveredPictures
from bench.records.row import Row
from bench.runner.auditor import Auditor
from bench.runner.failure_watch import FailureWatch
from bench.runner.repetition import ProcessStarter, Repetition
from bench.runner.trial_limits import TrialLimits
from bench.text import describe_error, format_duration
from bench.trial.audit_result import AuditError, AuditResult
from bench.trial.epoch_report import EpochReport
from bench.trial.epoch_row import SECONDS_PER_NS, build_row
from bench.trial.trial import Trial
from bench.trial.workload import Workload
from loaders.data.errors import DataError


class DataChangedError(RuntimeError):
    """A file of the data that isn't as it was when the measurement began, in one line."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"the data changed during the measurement: {path.name} was written to; put it back before you go "
            "on, or measure anew"
        )


class TrialRunner:
    """Runs trials, each in a process of its own: a trial that goes wrong costs one row.

    Attributes:
        limits: time and memory of the trials that start from now on.
        watch: what was seen of the memory of the last trial; None before the first one.
        once_s: seconds of the last trial that later trials of its configuration don't take: its repetition
            for the audit, and the epoch that is timed on the device.
    """

    def __init__(self, context: BaseContext, limits: TrialLimits, log: Path) -> None:
        """Prepare to run trials.

        Args:
            context: starts the processes.
            limits: time and memory of each trial.
            log: file that takes the text that trials print, at its end.
        """
        self._context = context
        self.limits = limits
        self._log = log
        self._auditor = Auditor()
        self.watch: MemoryWatch | None = None
        self.once_s = 0.0

    @property
    def pictures(self) -> DeliveredPictures | None:
        """A few samples as they were delivered; None for none."""
        return self._auditor.pictures

    def run(self, trial: Trial) -> Iterator[Row]:
        """Run a trial and yield its rows, each as soon as its epoch is over.

        A failure is a row too: `failed` with the exception, the signal or the fault that the audit found, or
        `timeout`. No process of the trial is alive afterwards.

        Raises:
            DataChangedError: the data changed, so nobody knows on which data the epoch was run.
        """
        with ExitStack() as processes:

            def start(work: Callable[[], Iterator[T] | Push[T]], purpose: str) -> FreshProcess[T]:
                title = f"block {trial.block}, {purpose}: {trial.configuration}"
                # An interrupt waits, so that each process that was started is ended.
                with interrupts.hold():
                    try:
                        process = FreshProcess(work, context=self._context, log=self._log, title=title)
                    except (OSError, EOFError) as error:
                        raise ProcessError(f"no process can be started: {describe_error(error)}") from None
                    return processes.enter_context(process)

            yield from self._run(trial, start)

    def _run(self, trial: Trial, start: ProcessStarter) -> Iterator[Row]:
        limits = self.limits
        self.once_s = 0.0
        walls_ns: list[int] = []
        deadline = read_running_s() + limits.timeout_s
        started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        watched = FailureWatch(self._log)

        def make_row() -> Row:
            return trial.make_row(len(walls_ns), started_at)

        try:
            check_unchanged(trial.workload)
            timed = start(trial.run, "timed")
            self.watch = watch = MemoryWatch(timed.pid, limit_bytes=limits.memory_limit_bytes)
            repetition = Repetition(trial, self._auditor, start, limits)
            while not (done := trial.is_done(walls_ns)) or trial.has_device_pass:
                try:
                    report = timed.take(deadline, watch.sample, limits.interval_s)
                except ItemsEndedError:
                    # A script may have fewer epochs than were asked for. Those that it had count.
                    if not walls_ns:
                        raise
                    break
                audit_began_s = read_running_s()
                check_unchanged(trial.workload)
                result = self._audit(trial, len(walls_ns), report, repetition, watch)
                check_unchanged(trial.workload)
                deadline += read_running_s() - audit_began_s
                workers = self._auditor.find_history(trial).workers
                row = build_row(make_row(), report, result, watch, workers)
                if done:
                    self.once_s += report.timings.wall_ns * SECONDS_PER_NS
                else:
                    walls_ns.append(report.timings.wall_ns)
                yield _mark_pause(row, report)
                if done:
                    break
        except TimeoutError:
            late = watched.explain_lateness(limits.timeout_s)
            yield replace(make_row(), status="timeout", error=late)
        except (ProcessError, AuditError, MemoryError, DataError) as error:
            # With other data the error says nothing of the loader.
            check_unchanged(trial.workload)
            yield replace(make_row(), status="failed", error=watched.explain(error))
        else:
            timed.finish()

    def _audit(
        self, trial: Trial, epoch: int, report: EpochReport, repetition: Repetition, watch: MemoryWatch
    ) -> AuditResult | None:
        """Audit an epoch, and its repetition where that checks more; None for an unaudited trial.

        Where the repetition is slow, that of the first epochs stands for the trial.

        The repetition also tells the memory of workers, which isn't read beside a timed epoch.
        """
        if report.observation is None:
            return None
        result = self._auditor.judge(trial, epoch, report.observation)
        if not trial.is_repeated:
            return result
        began_s = read_running_s()
        deadline = began_s + self.limits.timeout_s
        most = trial.workload.most_repeated
        if result.needs_repetition and (most is None or epoch < most):
            result = result.merge(repetition.audit(epoch, deadline))
        elif trial.workload.is_repeatable and watch.saw_workers and self.limits.memory_limit_bytes is None:
            repetition.audit(0, deadline)
        self.once_s += read_running_s() - began_s
        return result


def _mark_pause(row: Row, report: EpochReport) -> Row:
    """Mark a row as disturbed if the sweep was stopped in its epoch: the trial may have been stopped too."""
    paused_s = find_pause_s(report.timings.start_ns, report.timings.end_ns)
    if not paused_s:
        return row
    paused = f"the sweep was stopped for {format_duration(paused_s)}"
    return replace(row, disturbed=f"{row.disturbed}; {paused}" if row.disturbed else paused)


def check_unchanged(workload: Workload) -> None:
    """Check that the files of a workload's data are as they were when the measurement began.

    Raises:
        DataChangedError: a file was written to.
    """
    if (path := workload.find_changed()) is not None:
        raise DataChangedError(path)
