"""Measure every configuration of a plan, block by block: `python -m bench.sweep`, and `Sweep` in Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.cli.command_line import run_command
from bench.cli.python_options import read_options
from bench.cli.resumed_command import PROGRAMS
from bench.cli.sweep_command import make_sweep_command
from bench.plan.plan import PlanError
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.sweep_options import SweepOptions
from bench.process import interrupts
from bench.process.errors import ProcessError
from bench.process.guest import run_as_guest
from bench.process.lent_names import use_own_packages
from bench.records.errors import ResultsError
from bench.report.command_output import CommandOutput
from bench.report.output import complain
from bench.report.progress.sweep_printer import ProgressPrinter, SweepPrinter, choose_observer
from bench.report.sweep.closing import describe_stop
from bench.report.sweep.plan_table import print_plan
from bench.report.sweep.sweep_json import describe_plan, describe_sweep
from bench.report.sweep.sweep_report import print_answer
from bench.report.sweep.sweep_results import SweepResults
from bench.runner.sweep_session import check_place, measure_sweep, prepare_sweep
from bench.workloads.choice import choose_workload
from bench.workloads.target.target import TargetError
from loaders.data.errors import DataError

USER_ERRORS = (PlanError, TargetError, DataError, ResultsError, ProcessError)


class Sweep:
    """A sweep, as the command line runs it, with the command's options by their names.

        results = Sweep("train.py:train_loader", num_workers=[0, 2, 4], blocks=5).run()
        print(results.answer, results.folder)

    It works in a script without `if __name__ == "__main__"`, in a notebook and in any thread.
    """

    def __init__(self, target: str | None = None, **options: Any) -> None:
        """Check the options; nothing is measured yet.

        Args:
            target: the loader, dataset or script to measure, as on the command line; default None measures
                loaders of Fashion-MNIST.
            **options: values of the command's options, with underscores in their names. None leaves an option
                at its default. Several values stand in a list. Times are seconds or texts such as "90s",
                percentages are shares such as 0.03 or texts such as "3%", and `param` is a mapping.

        Raises:
            TypeError: no option has such a name, or takes such a value.
            ValueError: a value isn't allowed, or options contradict each other.
            ResultsError: the sweep of `resume` can't be read.
        """
        with use_own_packages():
            command = make_sweep_command(_keep_options)
            self._options: SweepOptions = read_options(command, PROGRAMS[0], target, options)

    @property
    def command(self) -> str:
        """The command line that means the same."""
        return self._options.command

    def run(self, *, verbose: bool | None = None) -> SweepResults:
        """Measure, and write the results folder.

        Args:
            verbose: True prints what the command prints, False nothing; default None shows the progress in a
                notebook, and nothing elsewhere.

        Returns:
            Results: `runs` and `summary` as tables, `answer` in words, `best()` with the code to paste,
            `plot()`, `folder`, and the `notices` that a user must know before reading figures. A trial that
            failed is a row of `runs`.

        Raises:
            PlanError: nothing that was asked for can be measured here.
            TargetError: the target can't be measured.
            DataError: the data can't be had.
            ResultsError: the folder can't take the sweep.
            ProcessError: no process can be started, or another sweep runs in this one.
            StorageError: a file can't be written.
            DataChangedError: the data changed while they were measured.
            KeyboardInterrupt: the sweep was interrupted. Its folder can be resumed.
        """
        with run_as_guest():
            observer = choose_observer(verbose)
            check_place(self._options)
            choice = choose_workload(self._options)
            sweep = prepare_sweep(self._options, choice.offer)
            conclusion = measure_sweep(sweep, choice, observer)
        if conclusion.outcome.interrupted:
            raise KeyboardInterrupt(f"Sweep(resume={str(sweep.folder)!r}).run() measures the rest")
        for problem in conclusion.problems:
            raise problem
        if conclusion.results is None:
            raise ResultsError(f"{sweep.folder}: nothing was measured")
        return replace(conclusion.results, notices=tuple(observer.notices))


def _keep_options(options: SweepOptions) -> SweepOptions:
    return options


def run_sweep(options: SweepOptions) -> int:
    """Run one sweep and print it: plan, measure, report.

    Returns:
        Exit code: 0; 1 if a trial failed, an A/A check claims too much, data changed or a file can't be
        written; 130 if interrupted.
    """
    screen = options.screen
    output = CommandOutput(screen)
    is_whole = not (screen.as_json or screen.quiet)
    printer = SweepPrinter(output.answer) if is_whole else ProgressPrinter(output.progress)
    try:
        check_place(options)
        choice = choose_workload(options)
        sweep = prepare_sweep(options, choice.offer)
        if options.dry_run:
            _show_plan(output, sweep, choice.expected_samples)
            return output.finish(0)
        conclusion = measure_sweep(sweep, choice, printer)
    except KeyboardInterrupt:
        # It came before the first trial, or after the report.
        complain("interrupted")
        return interrupts.INTERRUPTED
    code = interrupts.INTERRUPTED if conclusion.outcome.interrupted else conclusion.exit_code
    if screen.as_json:
        output.print_json(describe_sweep(conclusion, printer.notices, code))
    elif screen.quiet:
        print_answer(output.answer, conclusion)
    if not is_whole and conclusion.outcome.stopped:
        complain(describe_stop(conclusion.sweep.folder, options.program))
    return output.finish(code)


def _show_plan(output: CommandOutput, sweep: PreparedSweep, samples: int) -> None:
    """Print the plan of a sweep, and how long it takes."""
    if sweep.options.screen.as_json:
        output.print_json(describe_plan(sweep, samples))
        return
    print_plan(output.answer, sweep)
    SweepPrinter(output.answer).show_start(sweep, samples)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.sweep`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    run_command(make_sweep_command(run_sweep), user_errors=USER_ERRORS, arguments=arguments, program=program)


if __name__ == "__main__":
    main()
