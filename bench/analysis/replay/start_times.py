"""StartTimes: what the beginning and the end of an epoch take, with any number of workers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.evidence import LoaderSetup
from bench.analysis.replay.change import START_UP, Change
from bench.analysis.replay.phase_rows import find_mean
from bench.records.batch_trace import BatchTrace
from bench.records.row import Row

# Assumed of workers where there are none to measure: a fork copies page tables, other workers import torch.
FORK_S, IMPORT_S = 0.02, 3.0
# Assumed end of a worker, and of an epoch's begin with workers that are there.
END_S, RESUME_S = 0.01, 0.002


@dataclass(frozen=True)
class StartTimes:
    """Both ends of an epoch.

    Attributes:
        creating_s: seconds in `iter(loader)`, where workers are created one after another.
        preparing_s: seconds from then until they begin with their first batches, side by side.
        end_s: seconds from the last step until the iterator is gone.
    """

    creating_s: float
    preparing_s: float
    end_s: float

    @property
    def start_s(self) -> float:
        """Seconds until workers begin with their first batches."""
        return self.creating_s + self.preparing_s

    def scale(self, workers: int, to: int, cores: float) -> StartTimes:
        """Return the times with another number of workers.

        Their creation and their end take so long for each. Their imports run side by side while there is a
        core for each.

        Args:
            workers: number of workers that was measured, at least 1.
            to: number of workers.
            cores: cores that they share.
        """
        crowd = max(1.0, to / cores) / max(1.0, workers / cores)
        each = to / workers
        return StartTimes(self.creating_s * each, self.preparing_s * crowd, self.end_s * each)


def read_start_times(trace: BatchTrace, rows: Sequence[Row]) -> StartTimes:
    """Read both ends of an epoch.

    Rows of the configuration as it is tell how long the creation and the end of workers take, which tracing
    may lengthen. The trace tells how much later workers begin, in the mean.

    Args:
        trace: the traced epoch.
        rows: rows of such epochs in the same block; may be empty.
    """
    numbers = np.unique(trace.worker[~np.isnan(trace.begun_s)])
    begun_s = float(np.nanmean([np.nanmin(trace.begun_s[trace.worker == number]) for number in numbers]))
    creating_s = find_mean(row.startup_s for row in rows)
    end_s = find_mean(row.teardown_s for row in rows)
    return StartTimes(
        creating_s=trace.startup_s if creating_s is None else creating_s,
        preparing_s=max(0.0, begun_s - trace.startup_s),
        end_s=trace.teardown_s if end_s is None else end_s,
    )


def find_start_times(
    change: Change, setup: LoaderSetup, steady: StartTimes, cold: StartTimes | None
) -> StartTimes:
    """Return both ends of a steady epoch after a change.

    Args:
        change: the change.
        setup: the configuration.
        steady: its steady epochs.
        cold: its first epoch, which starts workers that live on; None where none was traced.
    """
    if START_UP in change.without:
        return StartTimes(0.0, 0.0, 0.0)
    workers = change.count_workers(setup)
    if not workers:
        return StartTimes(0.0, 0.0, 0.0) if setup.num_workers else steady
    if change.is_persistent(setup):
        # Workers that live on are told to go on, and each answers.
        kept = setup.num_workers > 0 and setup.persistent_workers
        return steady if kept else StartTimes(RESUME_S, 0.0, 0.0)
    if not setup.num_workers:
        return _assume_start(setup, workers)
    started = steady
    if setup.persistent_workers:
        known = cold or _assume_start(setup, setup.num_workers)
        started = StartTimes(known.creating_s, known.preparing_s, END_S * setup.num_workers)
    return started.scale(setup.num_workers, workers, setup.cores)


def _assume_start(setup: LoaderSetup, workers: int) -> StartTimes:
    usual = "fork" if sys.platform == "linux" and sys.version_info < (3, 14) else "forkserver"
    forks = (setup.multiprocessing_context or usual) == "fork"
    preparing_s = 0.0 if forks else IMPORT_S * max(1.0, workers / setup.cores)
    return StartTimes(FORK_S * workers, preparing_s, END_S * workers)
