"""Fitting: leave out the configurations that don't fit into this machine or into the budget, beforehand."""

from __future__ import annotations

import math
from dataclasses import replace

from bench.machine.feasibility import estimate_needs, find_limits, list_infeasible
from bench.machine.requirements import LoaderSettings, Requirements
from bench.plan.plan import PlanError, plan_against_first
from bench.plan.search_space import SearchSpace
from bench.plan.tune_options import TuneOptions
from bench.report.sweep.plan_names import name_configurations
from bench.runner.trial_process import TrialRunner
from bench.runner.tuning.footprint import measure_footprint
from bench.text import format_duration
from bench.trial.workload import Workload

# Share of the budget that may be spent on what the loaders of a family need beside the data.
PREPARED_SHARE = 0.25


def leave_out_long_prepared(space: SearchSpace, options: TuneOptions, left_s: float) -> SearchSpace:
    """Return the space without the families whose preparation takes too much of the budget, and why.

    Families that were named stay.

    Args:
        space: the configurations that exist here; the present one comes first.
        options: order that the tuning carries out.
        left_s: seconds that are left of the budget; infinity without one.
    """
    if options.order.request.family is not None or math.isinf(left_s):
        return space
    present = space.configurations[0].spec.family
    long_s = {
        one.spec.family: one.spec.preparation_s
        for one in space.configurations
        if one.spec.preparation_s > PREPARED_SHARE * left_s and one.spec.family != present
    }
    reasons = {
        family: f"making its data ready takes about {format_duration(seconds)}, more than "
        f"{PREPARED_SHARE:.0%} of the budget; --family {present},{family} tunes it"
        for family, seconds in long_s.items()
    }
    kept = tuple(one for one in space.configurations if one.spec.family not in long_s)
    return replace(space, configurations=kept, left_out={**space.left_out, **reasons})


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
    names = name_configurations(plan_against_first(configurations), twins=False)
    limits = find_limits(options.order.memory_limit, options.shm_limit)
    left_out, infeasible = list_infeasible(needs, names, limits)
    kept = tuple(one for number, one in enumerate(configurations) if number not in set(left_out))
    if len(kept) < 2:
        raise PlanError(
            "nothing to tune: of all settings only the present one fits: "
            + "; ".join([*(one.reason for one in infeasible), *space.left_out.values()])
        )
    return replace(space, configurations=kept, infeasible=infeasible)
