"""Find the fastest setting of a loader: `python -m bench.tune`, and `Tune` in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.cli.apply_setting import apply_setting, check_call
from bench.cli.command_line import run_command
from bench.cli.python_options import read_options
from bench.cli.resumed_command import TUNE_PROGRAMS
from bench.cli.tune_command import make_tune_command
from bench.editing.errors import EditError
from bench.plan.plan import PlanError
from bench.plan.tune_options import TuneOptions
from bench.process import interrupts
from bench.process.errors import ProcessError
from bench.process.guest import run_as_guest
from bench.process.lent_names import use_own_packages
from bench.process.running_clock import read_running_s
from bench.records.errors import ResultsError
from bench.report.command_output import CommandOutput
from bench.report.output import complain
from bench.report.progress.sweep_printer import ProgressPrinter, choose_observer
from bench.report.tune.closing import complain_of, describe_tuning, print_conclusion
from bench.report.tune.conclusion import TuneConclusion
from bench.report.tune.results import TuneResults
from bench.runner.sweep_session import check_place
from bench.runner.tuning.tune_session import measure_tuning
from bench.workloads.choice import WorkloadChoice, choose_workload
from bench.workloads.target.target import TargetError
from loaders.data.errors import DataError

USER_ERRORS = (PlanError, TargetError, DataError, ResultsError, ProcessError, EditError)


class Tune:
    """A tuning, as the command line makes it, with the command's options by their names.

        results = Tune("train.py:train_loader", budget="3m").run()
        print(results.answer, results.best().changes, results.code)

    It works in a script without `if __name__ == "__main__"`, in a notebook and in any thread.
    """

    def __init__(self, target: str | None = None, **options: Any) -> None:
        """Check the options; nothing is measured yet.

        Args:
            target: the loader, dataset, script or loader family to tune, as on the command line; default None
                tunes the tutorials' loader of Fashion-MNIST.
            **options: values of the command's options, with underscores in their names. None leaves an option
                at its default. A list stands for values that are tried; times are seconds or texts such as
                "90s", sizes are texts such as "8G", shares are numbers such as 0.03, and `param` is a
                mapping.

        Raises:
            TypeError: no option has such a name, or takes such a value.
            ValueError: a value isn't allowed, or options contradict each other.
        """
        with use_own_packages():
            command = make_tune_command(_keep_options)
            self._options: TuneOptions = read_options(command, TUNE_PROGRAMS[0], target, options)

    @property
    def command(self) -> str:
        """The command line that means the same."""
        return self._options.order.command

    def run(self, *, verbose: bool | None = None) -> TuneResults:
        """Tune, and write the results folder.

        Args:
            verbose: True prints what the command prints, False nothing; default None shows the progress in a
                notebook, and nothing elsewhere.

        Returns:
            Results: `answer` in words, `best()`, `code` to paste, `tuning`, `plot()`, `folder`, and the
            `notices` that a user must know before reading figures.

        Raises:
            PlanError: there is nothing to tune.
            TargetError: the target can't be measured.
            DataError: the data can't be had.
            ResultsError: the folder can't take a tuning, or the present configuration failed.
            ProcessError: no process can be started, or another sweep runs in this one.
            StorageError: a file can't be written.
            DataChangedError: the data changed while they were measured.
            KeyboardInterrupt: the measuring was interrupted. Its folder holds what was measured until then.
        """
        with run_as_guest():
            observer = choose_observer(verbose)
            check_place(self._options.order)
            began_s = read_running_s()
            choice = _choose_workload(self._options)
            conclusion = measure_tuning(self._options, choice, observer, began_s)
            if verbose:
                observer.console.print()
                print_conclusion(observer.console, conclusion)
        tuning = conclusion.require_found("tuned")
        return TuneResults(tuning, conclusion.folder, conclusion.list_notices(observer.notices))


def _keep_options(options: TuneOptions) -> TuneOptions:
    return options


def run_tune(options: TuneOptions) -> int:
    """Make one tuning, print it, and write its setting into the user's file if that is asked for.

    Returns:
        Exit code: 0; 1 if the present configuration failed, data changed or a file can't be written; 130 if
        interrupted.

    Raises:
        EditError: the setting is to be written, and the file has no call that it could be written into.
    """
    screen = options.order.screen
    output = CommandOutput(screen)
    printer = ProgressPrinter(output.progress)
    content: bytes | None = None
    try:
        check_place(options.order)
        began_s = read_running_s()
        choice = _choose_workload(options)
        if options.apply:
            # Before minutes of measuring.
            content = check_call(str(options.order.target), choice.offer.loader_call)
        conclusion = measure_tuning(options, choice, printer, began_s)
    except KeyboardInterrupt:
        # It came before the first trial.
        complain("interrupted")
        return interrupts.INTERRUPTED
    code = interrupts.INTERRUPTED if conclusion.interrupted else conclusion.exit_code
    if screen.as_json:
        code = _apply(options, conclusion, output, code, content)
        output.print_json(describe_tuning(conclusion, printer.notices, code))
    else:
        output.progress.print()
        print_conclusion(output.answer, conclusion)
        code = _apply(options, conclusion, output, code, content)
    complain_of(conclusion)
    return output.finish(code)


def _choose_workload(options: TuneOptions) -> WorkloadChoice:
    """Return what is to be tuned. A first look at a target may take as long as the budget."""
    return choose_workload(options.order, within_s=options.order.budget_s, has_epochs=False)


def _apply(
    options: TuneOptions,
    conclusion: TuneConclusion,
    output: CommandOutput,
    code: int,
    content: bytes | None,
) -> int:
    """Write the setting where that is asked for and it was found.

    Args:
        options: order of the tuning.
        conclusion: its end.
        output: where it is shown.
        code: exit code so far.
        content: what the user's file held before the measuring.

    Returns:
        The exit code.
    """
    if not options.apply or conclusion.found is None or code:
        return code
    console = output.progress if options.order.screen.as_json else output.answer
    target = str(options.order.target)
    return int(
        not apply_setting(console, conclusion.found, target, assume_yes=options.assume_yes, content=content)
    )


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.tune`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    run_command(make_tune_command(run_tune), user_errors=USER_ERRORS, arguments=arguments, program=program)


if __name__ == "__main__":
    main()
