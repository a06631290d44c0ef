"""Measure every configuration of a plan, block by block: `python -m bench.sweep`."""

from __future__ import annotations

from collections.abc import Sequence

from bench.cli.command_line import run_command
from bench.cli.sweep_command import make_sweep_command
from bench.plan.plan import PlanError
from bench.plan.sweep_options import SweepOptions
from bench.process import interrupts
from bench.process.errors import ProcessError
from bench.records.errors import ResultsError
from bench.report.console import make_console
from bench.report.output import complain
from bench.report.plan_table import print_plan
from bench.report.sweep_printer import SweepPrinter
from bench.runner.sweep_session import measure_sweep, prepare_sweep
from bench.workloads.choice import choose_workload
from bench.workloads.target import TargetError
from loaders.data.errors import DataError

USER_ERRORS = (PlanError, TargetError, DataError, ResultsError, ProcessError)


def run_sweep(options: SweepOptions) -> int:
    """Run one sweep and print it: plan, measure, report.

    Returns:
        Exit code: 0; 1 if a trial failed, an A/A check claims too much, data changed or a file can't be
        written; 130 if interrupted.
    """
    console = make_console()
    printer = SweepPrinter(console)
    try:
        choice = choose_workload(options)
        sweep = prepare_sweep(options, choice.offer)
        if options.dry_run:
            print_plan(console, sweep)
            printer.show_start(sweep, choice.expected_samples)
            return 0
        conclusion = measure_sweep(sweep, choice, printer)
    except KeyboardInterrupt:
        # It came before the first trial, or after the report.
        complain("interrupted")
        return interrupts.INTERRUPTED
    if conclusion.outcome.interrupted:
        return interrupts.INTERRUPTED
    return max(conclusion.exit_code, int(printer.lost is not None))


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.sweep`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    run_command(make_sweep_command(run_sweep), user_errors=USER_ERRORS, arguments=arguments, program=program)


if __name__ == "__main__":
    main()
