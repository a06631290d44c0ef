"""OffersTrials: trials that a policy chooses from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import pandas as pd

from bench.plan.schedule import Schedule, ScheduledRun
from bench.records.row import Row
from bench.report.progress.sweep_progress import SweepProgress


class OffersTrials(Protocol):
    """Trials that a policy chooses from, as `BlockTrials` has them. A run goes by its place in `runs`."""

    @property
    def runs(self) -> Sequence[ScheduledRun]:
        """Content of a full block."""

    @property
    def importance(self) -> Sequence[int]:
        """Numbers of all configurations, where a budget may leave out the last ones altogether; else none."""

    @property
    def schedule(self) -> Schedule:
        """Number of blocks, seed, and precision."""

    @property
    def progress(self) -> SweepProgress:
        """Shows the trials, and says whether more of them fit the budget."""

    @property
    def failed(self) -> AbstractSet[int]:
        """Places of the runs of which a trial failed or took too long."""

    def run_trial(self, place: int, block: int, attempt: int = 0) -> Iterator[Row]:
        """Run one trial and yield its rows."""

    def needs_repetition(self, place: int, block: int) -> bool:
        """Return whether a trial was disturbed."""

    def is_on_file(self, place: int, block: int, attempt: int = 0) -> bool:
        """Return whether an earlier process has run a trial."""

    def fits(self, *places: int, block: int) -> bool:
        """Return whether trials end within the budget."""

    def read_runs(self) -> pd.DataFrame:
        """Return all rows of configurations that are on file."""
