"""Repetition: the epochs of a trial once more, seen in full and off the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.process.child import Push
from bench.process.errors import ProcessError
from bench.process.fresh_process import FreshProcess
from bench.process.memory_watch import OFF_CLOCK_INTERVAL_S, MemoryWatch
from bench.runner.auditor import Auditor
from bench.runner.trial_limits import TrialLimits
from bench.trial.audit_result import AuditError, AuditResult
from bench.trial.trial import Trial

ProcessStarter = Callable[[Callable[[], Iterator[Any] | Push[Any]], str], FreshProcess[Any]]
"""Starts a process that runs an iterator; its second argument is the title in the log."""


class Repetition:
    """A trial's epochs once more, in another process than the timed ones.

    The process starts when the first epoch is asked for that no trial of the same loader has repeated.
    """

    def __init__(self, trial: Trial, auditor: Auditor, start: ProcessStarter, limits: TrialLimits) -> None:
        """Prepare the repetition; nothing runs yet.

        Args:
            trial: the trial whose epochs are repeated.
            auditor: judges the epochs, and keeps the history of the loader.
            start: starts the process.
            limits: time for each epoch, and memory of the process and its children.
        """
        self._trial = trial
        self._auditor = auditor
        self._start = start
        self._limits = limits
        self._process: FreshProcess[Any] | None = None
        self._taken = 0

    def audit(self, epoch: int, deadline: float) -> AuditResult:
        """Audit an epoch in full, and all before it that were not audited in full yet.

        Args:
            epoch: number of the epoch, from 0.
            deadline: reading of `read_running_s()` at which this gives up.

        Raises:
            AuditError: an epoch did not deliver the dataset.
            ProcessError: the process failed, or the deadline has passed.
        """
        history = self._auditor.find_history(self._trial)
        while len(history.results) <= epoch:
            began_ns = time.perf_counter_ns()
            observation = self._take(deadline)
            self._auditor.keep_pictures(self._trial, observation)
            # An inspection may start processes of its own, once the epoch is over.
            ended_ns = getattr(observation, "ended_ns", None) or time.perf_counter_ns()
            history.merge_workers(self._watch.find_worker_memory(began_ns, ended_ns))
            # An earlier repetition of the loader has audited the first epochs already.
            if self._taken == len(history.results):
                result = self._auditor.judge(self._trial, self._taken, observation)
                if result.needs_repetition:
                    raise AuditError("audit: not all batches of the repetition could be seen")
                history.results.append(result)
            self._taken += 1
        return history.results[epoch]

    def _take(self, deadline: float) -> Any:
        limit_bytes, interval_s = self._limits.memory_limit_bytes, self._limits.interval_s
        if self._process is None:
            self._process = self._start(self._trial.repeat, "repeated for the audit")
            self._watch = MemoryWatch(self._process.pid, limit_bytes=limit_bytes, with_workers=True)
        try:
            return self._process.take(deadline, self._watch.sample, min(interval_s, OFF_CLOCK_INTERVAL_S))
        except TimeoutError:
            raise ProcessError("repeated for the audit: not done in time") from None
        except ProcessError as error:
            raise ProcessError(f"repeated for the audit: {error}") from None
