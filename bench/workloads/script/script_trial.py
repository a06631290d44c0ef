"""TrialReporter: reports the epochs of a script that are ranked."""

from __future__ import annotations

import multiprocessing
import time
from typing import TYPE_CHECKING, Any

from torch.utils.data import DataLoader

from bench.machine import interference
from bench.machine.counter_reading import CounterReading
from bench.trial.epoch_report import EpochReport
from bench.trial.epoch_timings import EpochTimings
from bench.workloads.script.script_epochs import Count
from bench.workloads.script.script_feed import Feed

if TYPE_CHECKING:
    from bench.trial.trial import Trial


class TrialReporter:
    """Reports the epochs of a script that are ranked, with the use of the machine around each.

    Attributes:
        is_done: False: the sweep takes as many epochs as it wants.
    """

    is_done = False

    def __init__(self, trial: Trial, feed: Feed) -> None:
        """Prepare to report epochs.

        Args:
            trial: the trial.
            feed: what the picked DataLoader delivers.
        """
        self._trial = trial
        self._feed = feed
        sweep = multiprocessing.parent_process()
        self._sweep_pid = None if sweep is None else sweep.pid
        # The first reading also looks for the counters of this machine.
        self._before = self._read_counters()
        self._began_s: float | None = time.perf_counter()

    def begin(self, loader: DataLoader[Any], count: Count | None) -> Count | None:
        """Read the counters before an epoch, and leave the counting as it is."""
        del loader
        self._before = self._read_counters()
        return count

    def report(self, timings: EpochTimings) -> EpochReport:
        """Return the report of an epoch."""
        used = interference.find_interference(self._before, self._read_counters())
        audited = self._trial.audited
        observation = self._feed.observe(timings.batches, timings.samples) if audited else None
        build_s = None if self._began_s is None else timings.start_ns * 1e-9 - self._began_s
        self._began_s = None
        return EpochReport(timings, None, used, observation, build_s=build_s)

    def end(self) -> None:
        """Do nothing: an epoch leaves nothing behind."""

    def close(self) -> None:
        """Do nothing: a trial leaves nothing behind."""

    def _read_counters(self) -> CounterReading:
        return interference.read_counters(cuda=self._trial.on_cuda, sweep_pid=self._sweep_pid)
