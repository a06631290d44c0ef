"""Repetition: the epochs of a trial once more, seen in full and off the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bench.process.errors import ProcessError
from bench.process.fresh_process import FreshProcess
from bench.process.memory_watch import MemoryWatch
from bench.runner.auditor import Auditor
from bench.trial.audit import AuditError, AuditResult
from bench.trial.epoch_observation import EpochObservation
from bench.trial.trial import Trial

ProcessStarter = Callable[[Callable[[], Iterator[Any]], str], FreshProcess[Any]]
"""Starts a process that runs an iterator; its second argument is the title in the log."""


class Repetition:
    """A trial's epochs once more, for the audit, in another process than the timed ones.

    The process starts when the first epoch is asked for that no trial of the same loader has repeated.
    """

    def __init__(
        self,
        trial: Trial,
        auditor: Auditor,
        start: ProcessStarter,
        *,
        memory_limit_bytes: int | None,
        interval_s: float,
    ) -> None:
        """Prepare the repetition; nothing runs yet.

        Args:
            trial: the trial whose epochs are repeated.
            auditor: judges the epochs and keeps the results.
            start: starts the process.
            memory_limit_bytes: most memory that the process and its children may hold; None for no limit.
            interval_s: longest time between two looks at that memory, in seconds.
        """
        self._trial = trial
        self._auditor = auditor
        self._start = start
        self._memory_limit_bytes = memory_limit_bytes
        self._interval_s = interval_s
        self._process: FreshProcess[EpochObservation] | None = None
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
        results = self._auditor.repeated(self._trial)
        while len(results) <= epoch:
            observation = self._take(deadline)
            # An earlier process has repeated the first epochs already.
            if self._taken == len(results):
                result = self._auditor.judge(self._trial, self._taken, observation)
                if result.seen_share < 1:
                    raise AuditError("audit: not all batches could be looked at")
                results.append(result)
            self._taken += 1
        return results[epoch]

    def _take(self, deadline: float) -> EpochObservation:
        if self._process is None:
            self._process = self._start(self._trial.repeat, "repeated for the audit")
            self._watch = MemoryWatch(self._process.pid, limit_bytes=self._memory_limit_bytes)
        try:
            return self._process.take(deadline, self._watch.sample, self._interval_s)
        except TimeoutError:
            raise ProcessError("repeated for the audit: not done in time") from None
        except ProcessError as error:
            raise ProcessError(f"repeated for the audit: {error}") from None
