"""Explain what bounds a training, and what would help: `python -m bench.explain`, and `Explain` in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.cli.command_line import run_command
from bench.cli.explain_command import make_explain_command
from bench.cli.python_options import read_options
from bench.cli.resumed_command import EXPLAIN_PROGRAMS
from bench.plan.explain_options import ExplainOptions
from bench.plan.plan import PlanError
from bench.process import interrupts
from bench.process.errors import ProcessError
from bench.process.guest import run_as_guest
from bench.process.lent_names import use_own_packages
from bench.process.running_clock import read_running_s
from bench.records.errors import ResultsError
from bench.report.command_output import CommandOutput
from bench.report.explain.closing import complain_of, describe_explanation, print_conclusion
from bench.report.explain.results import ExplainResults
from bench.report.output import complain
from bench.report.progress.sweep_printer import ProgressPrinter, choose_observer
from bench.runner.explanation.explain_session import measure_explanation
from bench.runner.sweep_session import check_place
from bench.workloads.choice import choose_workload
from bench.workloads.target.target import TargetError
from loaders.data.errors import DataError

USER_ERRORS = (PlanError, TargetError, DataError, ResultsError, ProcessError)


class Explain:
    """An explanation, as the command line makes it, with the command's options by their names.

        results = Explain("train.py:train_loader", step_ms=12, blocks=5).run()
        print(results.answer, results.explanation.advice, results.folder)

    It works in a script without `if __name__ == "__main__"`, in a notebook and in any thread.
    """

    def __init__(self, target: str | None = None, **options: Any) -> None:
        """Check the options; nothing is measured yet.

        Args:
            target: the loader, dataset, script, loader family or results folder to explain, as on the command
                line; default None explains the tutorials' loader of Fashion-MNIST.
            **options: values of the command's options, with underscores in their names. None leaves an option
                at its default. Times are seconds or texts such as "90s", and `param` is a mapping.

        Raises:
            TypeError: no option has such a name, or takes such a value.
            ValueError: a value isn't allowed, or options contradict each other.
            ResultsError: the results folder can't be measured again.
        """
        with use_own_packages():
            command = make_explain_command(_keep_options)
            self._options: ExplainOptions = read_options(command, EXPLAIN_PROGRAMS[0], target, options)

    @property
    def command(self) -> str:
        """The command line that means the same."""
        return self._options.order.command

    def run(self, *, verbose: bool | None = None) -> ExplainResults:
        """Measure, explain, and write the results folder.

        Args:
            verbose: True prints what the command prints, False nothing; default None shows the progress in a
                notebook, and nothing elsewhere.

        Returns:
            Results: `explanation`, `answer` in words, `best()`, `plot()`, `folder`, and the `notices` that a
            user must know before reading figures.

        Raises:
            PlanError: the configuration can't be measured here.
            TargetError: the target can't be measured.
            DataError: the data can't be had.
            ResultsError: the folder can't take an explanation, or the configuration failed.
            ProcessError: no process can be started, or another sweep runs in this one.
            StorageError: a file can't be written.
            DataChangedError: the data changed while they were measured.
            KeyboardInterrupt: the measuring was interrupted. Its folder holds what was measured until then.
        """
        with run_as_guest():
            observer = choose_observer(verbose)
            check_place(self._options.order)
            began_s = read_running_s()
            choice = choose_workload(self._options.order)
            conclusion = measure_explanation(self._options, choice, observer, began_s)
            if verbose:
                observer.console.print()
                print_conclusion(observer.console, conclusion)
        explanation = conclusion.require_found("explained")
        return ExplainResults(explanation, conclusion.folder, conclusion.list_notices(observer.notices))


def _keep_options(options: ExplainOptions) -> ExplainOptions:
    return options


def run_explain(options: ExplainOptions) -> int:
    """Make one explanation and print it.

    Returns:
        Exit code: 0; 1 if the configuration failed, data changed or a file can't be written; 130 if
        interrupted.
    """
    screen = options.order.screen
    output = CommandOutput(screen)
    printer = ProgressPrinter(output.progress)
    try:
        check_place(options.order)
        began_s = read_running_s()
        choice = choose_workload(options.order)
        conclusion = measure_explanation(options, choice, printer, began_s)
    except KeyboardInterrupt:
        # It came before the first trial.
        complain("interrupted")
        return interrupts.INTERRUPTED
    code = interrupts.INTERRUPTED if conclusion.interrupted else conclusion.exit_code
    if screen.as_json:
        output.print_json(describe_explanation(conclusion, printer.notices, code))
    else:
        output.progress.print()
        print_conclusion(output.answer, conclusion)
    complain_of(conclusion)
    return output.finish(code)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.explain`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    run_command(
        make_explain_command(run_explain), user_errors=USER_ERRORS, arguments=arguments, program=program
    )


if __name__ == "__main__":
    main()
