"""Sweeps as the command line makes them, on a machine without a GPU, for tests of what is printed."""

from __future__ import annotations

from pathlib import Path

from bench.cli.sweep_command import make_sweep_command
from bench.plan.ceilings import find_ceilings
from bench.plan.grid import Machine, make_plan
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.schedule import schedule_runs
from bench.plan.sweep_options import SweepOptions
from bench.report.sweep.plan_names import name_configurations

TWO_CORES = Machine(cuda=False, num_threads=2)
# A machine with a GPU and 16 cores.
GPU_BOX = Machine(cuda=True, num_threads=16, cores=16)


def parse(*arguments: str) -> SweepOptions:
    """Return the options that the command line makes of these arguments."""
    made: list[SweepOptions] = []

    def keep(options: SweepOptions) -> int:
        made.append(options)
        return 0

    make_sweep_command(keep).main([*arguments], standalone_mode=False)
    (options,) = made
    return options


def plan_sweep(*arguments: str, machine: Machine = TWO_CORES, with_ceilings: bool = False) -> PreparedSweep:
    """Return the sweep of these arguments, by default for a machine with two threads and no GPU."""
    options = parse(*arguments)
    plan = make_plan(options.request, machine)
    names = name_configurations(plan, twins=False)
    runs = schedule_runs(plan, find_ceilings(plan) if with_ceilings else {}, options.schedule.epochs)
    return PreparedSweep(options, machine, plan, tuple(names), tuple(runs), Path("out"))
