"""SweepConclusion: the end of a sweep, its results, and the errors of writing them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.analysis.aa import AACheck
from bench.plan.prepared_sweep import PreparedSweep
from bench.records.delivered_pictures import DeliveredPictures
from bench.report.remark import Remark
from bench.report.sweep.outcome import SweepOutcome
from bench.report.sweep.sweep_results import SweepResults
from bench.trial.workload import Workload


@dataclass(frozen=True)
class SweepConclusion:
    """The end of a sweep, its results, and the errors of writing them.

    Attributes:
        sweep: sweep that was measured.
        workload: what was trained.
        outcome: end of the measuring.
        results: tables of the folder; None where nothing was measured.
        check: judgement of an A/A check; None for any other sweep.
        problems: errors that ended the measuring or kept a file from being written, the first one first.
        undrawn: why there are no charts or no page, although they could be written; empty where nothing is
            wrong.
        pictures: a few samples as they were delivered; None for none.
    """

    sweep: PreparedSweep
    workload: Workload
    outcome: SweepOutcome
    results: SweepResults | None = None
    check: AACheck | None = None
    problems: tuple[Exception, ...] = ()
    undrawn: tuple[Remark, ...] = ()
    pictures: DeliveredPictures | None = None

    @property
    def exit_code(self) -> int:
        """0, or 1 if a trial failed, an A/A check claims too much, or an error occurred."""
        failed = self.results is not None and self.results.has_failures
        excessive = self.check is not None and bool(self.check.total.excessive)
        return int(bool(self.problems) or failed or excessive)
