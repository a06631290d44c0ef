"""Fitting: leave out the configurations that don't fit into this machine, before any of them runs."""

from __future__ import annotations

from dataclasses import replace

from bench.machine.feasibility import estimate_needs, find_limits, list_infeasible
from bench.machine.requirements import LoaderSettings, Requirements
from bench.plan.plan import Plan, PlanError
from bench.plan.search_space import SearchSpace
from bench.plan.tune_options import TuneOptions
from bench.report.plan_names import name_configurations
from bench.runner.trial_process import TrialRunner
from bench.runner.tuning.footprint import measure_footprint
from bench.trial.workload import Workload


def leave_out_infeasible(
    space: SearchSpace, options: TuneOptions, workload: Workload, runner: TrialRunner
) -> SearchSpace:
    """Return the space without the configurations that don't fit, and why they don't.

    Args:
        space: the configurations that exist here; the present one comes first.
        options: limits of memory and of /dev/shm.
        workload: what they train.
        runner: runs a probe of the present configuration.

    Raises:
        DataChangedError: the data changed meanwhile.
        PlanError: only the present configuration fits.
    """
    configurations = space.configurations
    footprint = measure_footprint(workload, configurations[0], runner)
    threads = max(configuration.num_threads for configuration in configurations)

    def estimate(settings: LoaderSettings) -> Requirements:
        return workload.estimate_requirements([settings], num_threads=threads)

    needs = [estimate_needs(configuration, footprint, estimate) for configuration in configurations]
    names = name_configurations(Plan(configurations, (0,) * len(configurations), (), {}), twins=False)
    limits = find_limits(options.order.memory_limit, options.shm_limit)
    left_out, infeasible = list_infeasible(needs, names, limits)
    kept = tuple(one for number, one in enumerate(configurations) if number not in set(left_out))
    if len(kept) < 2:
        raise PlanError(
            "nothing to tune: of all settings only the present one fits: "
            + "; ".join(one.reason for one in infeasible)
        )
    return replace(space, configurations=kept, infeasible=infeasible)
