"""Search: a first look at the present configuration, and the configurations that there are beside it."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.context import BaseContext

import torch

from bench.machine.cpu_checks import count_usable_cores
from bench.plan.axes import SpaceFacts
from bench.plan.configuration import Configuration
from bench.plan.offer import Offer
from bench.plan.plan import PlanError
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.search_space import SearchSpace, make_space
from bench.plan.tune_options import TuneOptions
from bench.process.running_clock import read_running_s
from bench.records import results_folder
from bench.runner.epoch_cut import CutError, EpochCut, choose_cut, count_whole_batches
from bench.runner.first_look import FirstLook
from bench.runner.sweep_session import find_limits
from bench.runner.trial_process import TrialRunner
from bench.runner.tuning.fitting import leave_out_infeasible, leave_out_long_prepared
from bench.runner.tuning.promise import order_by_promise
from bench.trial.workload import Workload


@dataclass(frozen=True)
class Search:
    """The search space of a tuning, as short first trials show it.

    Attributes:
        options: order that the tuning carries out.
        sweep: the present configuration as a sweep, whose folder takes the output of the trials.
        offer: loaders that serve the workload.
        context: starts the processes of the trials.
        ends_s: reading of `read_running_s()` at which the budget ends; default infinity for none.
    """

    options: TuneOptions
    sweep: PreparedSweep
    offer: Offer
    context: BaseContext
    ends_s: float = math.inf

    def look(self, workload: Workload) -> tuple[EpochCut, FirstLook]:
        """Measure a short epoch of the present configuration.

        Args:
            workload: what is trained.

        Raises:
            CutError: the present configuration can't be measured.
            DataChangedError: the data changed meanwhile.
        """
        present = self.sweep.plan.configurations[0]
        try:
            cut = choose_cut(workload, present, self._make_runner(), lambda _: None, always_looks=True)
        except CutError as error:
            if self._find_left_s() > 0:
                raise
            raise CutError(f"--budget ended the first look: {error}") from error
        assert cut.look is not None
        return cut, cut.look

    def make_space(self, workload: Workload, look: FirstLook) -> SearchSpace:
        """Return the configurations that fit into this machine and the budget, the most promising first.

        What they need of memory is known by a probe.

        Args:
            workload: what is trained.
            look: short epoch of the present configuration.

        Raises:
            PlanError: only the present configuration exists here, or fits.
            DataChangedError: the data changed meanwhile.
        """
        present, facts = self.sweep.plan.configurations[0], find_facts(self.sweep, look.waiting)
        batches = count_whole_batches(workload, present)
        gain = look.estimate_loading_gain(batches)
        space = None
        # Beside a GPU, copies of batches may delay the step.
        if present.device == "cpu" and gain is not None and gain <= self.options.regret:
            # Where there is nothing else to try, trials tell how little is gained.
            with suppress(PlanError):
                space = self._list_fitting(workload, present, replace(facts, hidden_gain=gain))
        space = space or self._list_fitting(workload, present, facts)
        ordered = order_by_promise(space.configurations, look, batches, facts)
        return replace(space, configurations=ordered)

    def _list_fitting(self, workload: Workload, present: Configuration, facts: SpaceFacts) -> SearchSpace:
        """Return the configurations that are worth trying by some facts, and that fit. See `make_space`."""
        space = make_space(self.options.order.request, self.offer, present, facts)
        space = leave_out_long_prepared(space, self.options, self._find_left_s())
        return leave_out_infeasible(space, self.options, workload, self._make_runner())

    def _make_runner(self) -> TrialRunner:
        limits = find_limits(self.sweep)
        limits = replace(limits, timeout_s=min(limits.timeout_s, max(0.0, round(self._find_left_s(), 1))))
        return TrialRunner(self.context, limits, self.sweep.folder / results_folder.LOG)

    def _find_left_s(self) -> float:
        return self.ends_s - read_running_s()


def find_facts(sweep: PreparedSweep, waiting: float | None = None) -> SpaceFacts:
    """Return the facts that decide which values are worth trying.

    Args:
        sweep: the present configuration as a sweep.
        waiting: share of the loading's time in which it waits; default None where it isn't known.
    """
    cuda = torch.cuda.is_available()
    return SpaceFacts(count_usable_cores(), cuda, sweep.machine.num_threads, waiting)
