"""Fitting: leave out the configurations that don't fit into the machine."""

from __future__ import annotations

from dataclasses import replace

from bench.machine.feasibility import estimate_needs, find_limits, list_infeasible
from bench.machine.requirements import LoaderSettings, Requirements
from bench.plan.plan import Plan
from bench.plan.search_space import SearchSpace
from bench.plan.tune_options import TuneOptions
from bench.report.plan_names import name_configurations
from bench.runner.trial_process import TrialRunner
from bench.runner.tuning.footprint import measure_footprint
from bench.trial.workload import Workload


def leave_out_infeasible(
    space: SearchSpace, options: TuneOptions, workload: Workload, runner: TrialRunner
) -> SearchSpace:
    """Return a search space without the configurations that would not fit into this machine.

    A short trial of the present configuration shows what each process takes.

    Args:
        space: all configurations.
        options: order of the tuning, with the user's limits.
        workload: what is trained.
        runner: runs the trial.

    Raises:
        DataChangedError: the data changed meanwhile.
    """
    configurations = space.configurations
    present = configurations[0]

    def estimate(settings: LoaderSettings) -> Requirements:
        return workload.estimate_requirements([settings], num_threads=present.num_threads)

    footprint = measure_footprint(workload, present, runner)
    needs = [estimate_needs(one, footprint, estimate) for one in configurations]
    plan = Plan(configurations, (0,) * len(configurations), (), {})
    limits = find_limits(options.order.memory_limit, options.shm_limit)
    numbers, infeasible = list_infeasible(needs, name_configurations(plan, twins=False), limits)
    left = tuple(one for number, one in enumerate(configurations) if number not in numbers)
    return replace(space, configurations=left, infeasible=(*space.infeasible, *infeasible))
