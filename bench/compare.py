"""Compare two results folders: `python -m bench.compare A B`, and `Compare` in Python. Needs no torch."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from bench.analysis.comparison.compare_folders import compare_folders
from bench.analysis.comparison.comparison import Comparison
from bench.cli.command_line import run_command
from bench.cli.compare_command import CompareOptions, asks_for_revisions, make_compare_command
from bench.cli.python_options import ONLY_TYPED, check_names, write_arguments
from bench.plan.screen import Screen
from bench.process.lent_names import use_own_packages
from bench.records.errors import ResultsError
from bench.records.results_folder import check_folder, make_folder
from bench.report.command_output import CommandOutput
from bench.report.comparison.compare_results import CompareResults
from bench.report.comparison.comparison_files import write_comparison
from bench.report.comparison.output import show_comparison
from bench.report.output import complain


class Compare:
    """A comparison of two results folders, as the command line makes it, with the command's options by names.

    results = Compare("results/old", "results/new", margin=0.05).run()
    print(results.answer, results.table, results.exit_code)
    """

    def __init__(self, a: str | os.PathLike[str], b: str | os.PathLike[str], **options: Any) -> None:
        """Check the options; nothing is read yet.

        Args:
            a: results folder of the old side.
            b: results folder of the new side.
            **options: values of the command's options, with underscores in their names. None leaves an option
                at its default. A percentage is a share such as 0.03, or a text such as "3%".

        Raises:
            TypeError: no option has such a name, or takes such a value.
            ValueError: a value isn't allowed.
        """
        with use_own_packages():
            command = make_compare_command(_keep_options)
            check_names(command, options, ONLY_TYPED)
            words = [*write_arguments(command, None, options), "--", os.fspath(a), os.fspath(b)]
            try:
                self._options: CompareOptions = command.main(
                    args=words, prog_name="python -m bench.compare", standalone_mode=False
                )
            except click.ClickException as error:
                raise ValueError(error.format_message()) from None

    def run(self) -> CompareResults:
        """Compare, and write the folder of `out` if there is one.

        Raises:
            ResultsError: a folder isn't one of a sweep, or `out` can't take the comparison.
            StorageError: a file can't be written.
        """
        with use_own_packages():
            comparison, problems = _compare(self._options)
        return CompareResults(comparison, tuple(problems))


def _compare(options: CompareOptions) -> tuple[Comparison, list[str]]:
    """Compare, and write the folder of `out` if there is one.

    Returns:
        The comparison, and errors of charts or of the page.
    """
    if options.out is not None:
        check_folder(options.out)
    comparison = compare_folders(options.a, options.b, options.comparison)
    if options.out is None:
        return comparison, []
    make_folder(options.out)
    return comparison, write_comparison(comparison, options.out)


def _keep_options(options: CompareOptions) -> CompareOptions:
    return options


def run_compare(options: CompareOptions) -> int:
    """Make one comparison and print it.

    Returns:
        Exit code: 0 nothing is slower, 1 one is slower, 3 one is undecided, 4 nothing can be compared. Output
        that can't be written turns 0 into 1.
    """
    output = CommandOutput(Screen())
    comparison, problems = _compare(options)
    show_comparison(output.answer, comparison)
    for problem in problems:
        complain(problem)
    return output.finish(comparison.exit_code)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.compare`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    words = sys.argv[1:] if arguments is None else [*arguments]
    if asks_for_revisions(words):
        # It measures, and so imports torch.
        importlib.import_module("bench.compare_revisions").main(words, program)
    run_command(
        make_compare_command(run_compare), user_errors=(ResultsError,), arguments=arguments, program=program
    )


if __name__ == "__main__":
    main()
