"""Repetition: the epochs of a trial once more, off the clock, for the audit."""

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


class Repetition:
    """A trial's epochs once more, for the audit: off the clock, in another process than the timed ones."""

    def __init__(
        self,
        trial: Trial,
        auditor: Auditor,
        process: ProcessStarter,
        memory_limit_bytes: int | None,
        interval_s: float,
    ) -> None:
        self._trial = trial
        self._auditor = auditor
        self._start = process
        self._memory_limit_bytes = memory_limit_bytes
        self._interval_s = interval_s
        self._process: FreshProcess[EpochObservation] | None = None
        self._taken = 0

    def finding(self, epoch: int, deadline: float) -> AuditResult:
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
