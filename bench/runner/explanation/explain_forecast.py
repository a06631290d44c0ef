"""ExplainForecast: how long the blocks of an explanation take, and how a budget shortens their epochs."""

from __future__ import annotations

from bench.analysis.statistics import FEWEST_BLOCKS
from bench.plan.prepared_sweep import PreparedSweep
from bench.runner.epoch_cut import EpochCut, can_cut, count_workers, find_fewest_batches
from bench.runner.explanation.block_times import BlockTimes
from bench.trial.workload import Workload

# Seconds that a ladder takes longer than a trace, where nothing else is known.
LADDER_S = 5.0


class ExplainForecast:
    """Forecast of an explanation: how long its blocks take."""

    def __init__(self, sweep: PreparedSweep, workload: Workload, samples: int) -> None:
        """Prepare the forecast.

        Args:
            sweep: the explanation as a sweep of one configuration.
            workload: what it trains.
            samples: about how many samples an epoch has.
        """
        self._sweep = sweep
        self._workload = workload
        self._samples = samples

    def shorten(self, cut: EpochCut, left_s: float) -> EpochCut:
        """Return a cut to as many batches as a budget has time for.

        Three blocks are to fit, since fewer give no interval, else the first one. An epoch that the user has
        cut, and one of pictures, stays as it is.

        Args:
            cut: number of batches of an epoch without a budget.
            left_s: seconds that are left of the budget.
        """
        times = self._make_times(cut)
        if times is None or cut.batches is None or cut.asked or not can_cut(self._workload):
            return cut
        fewest = min(find_fewest_batches(self._sweep.runs[0].configuration), cut.batches)
        for blocks in (min(FEWEST_BLOCKS, self._sweep.options.schedule.blocks), 1):
            batches = times.find_batches(left_s / blocks, fewest, cut.batches)
            if batches is not None:
                return cut.shorten(batches)
        return cut.shorten(fewest)

    def list_s(self, cut: EpochCut) -> dict[int, float]:
        """Return about how long each trial and probe takes in seconds, by its place in a block.

        Args:
            cut: number of batches of an epoch.
        """
        times = self._make_times(cut)
        if times is not None and cut.batches is not None:
            return dict(enumerate(times.list_s(cut.batches)))
        runs_s = self._sweep.estimate_runs_s(self._samples)
        return dict(enumerate([*runs_s, runs_s[0], runs_s[0] + LADDER_S]))

    def estimate_first_s(self, cut: EpochCut) -> float | None:
        """Return about how long the first block takes, in seconds; None without a first look.

        Args:
            cut: number of batches of an epoch.
        """
        times = self._make_times(cut)
        return None if times is None or cut.batches is None else times.estimate_first_s(cut.batches)

    def _make_times(self, cut: EpochCut) -> BlockTimes | None:
        if cut.look is None:
            return None
        runs = self._sweep.runs
        workers = count_workers(runs[0].configuration)
        return BlockTimes(cut.look, workers, [run.epochs for run in runs], self._workload.is_repeatable)
