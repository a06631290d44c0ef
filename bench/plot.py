"""Draw the charts and the page of a results folder: `python -m bench.plot DIR`. Needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bench.cli.command_line import FAILED, run_command
from bench.cli.user_path import UserPath
from bench.records.errors import ResultsError
from bench.records.results_folder import read_runs
from bench.report.explanation_file import has_explanation, read_explanation
from bench.report.output import complain
from bench.report.report_files import ReportFiles
from bench.report.sweep_results import SweepResults


@click.command(help="Draw the charts and report.html of the sweep or explanation in DIR again, into DIR.")
@click.argument("folder", metavar="DIR", type=UserPath())
def command(folder: Path) -> int:
    """Draw the charts and the page, and print their paths.

    Returns:
        Exit code: 0, or 1 if something can't be drawn or written.
    """
    files = _write_files(folder)
    for path in files.paths:
        click.echo(path, file=sys.stdout)
    problems = [*files.unwritten, *(one.text for one in files.undrawn)]
    for problem in problems[:1]:
        complain(problem)
    return FAILED if problems else 0


def _write_files(folder: Path) -> ReportFiles:
    """Write the charts and the page of a folder.

    Raises:
        ResultsError: the folder holds no results that can be read.
    """
    if has_explanation(folder):
        return ReportFiles.write_explanation(read_explanation(folder), folder)
    results = SweepResults.read(folder)
    if results is None:
        # Say which file is missing, if there is none at all.
        read_runs(folder)
        return ReportFiles()
    return ReportFiles.write_sweep(results)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.plot`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    run_command(command, user_errors=(ResultsError,), arguments=arguments, program=program)


if __name__ == "__main__":
    main()
