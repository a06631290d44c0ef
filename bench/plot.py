"""Draw the charts and the page of a results folder, or several folders in one chart. Needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bench.cli.command_line import FAILED, run_command
from bench.cli.user_path import UserPath
from bench.records.errors import ResultsError
from bench.records.results_folder import read_runs
from bench.report.charts.chart_files import SUFFIXES, save_chart
from bench.report.charts.drawing import ChartsError
from bench.report.charts.overlay import Overlay
from bench.report.charts.overlay_chart import make_overlay_chart
from bench.report.explain.explanation_file import has_explanation, read_explanation
from bench.report.output import complain
from bench.report.report_files import ReportFiles
from bench.report.sweep.sweep_results import SweepResults
from bench.report.tune.tuning_file import has_tuning, read_tuning

DEFAULT_OUT = Path("overlay.png")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("folders", metavar="DIR...", type=UserPath(), nargs=-1, required=True)
@click.option(
    "--out",
    type=UserPath(dir_okay=False),
    help=f"File of the chart of several folders: {DEFAULT_OUT}, or .svg.",
)
def command(folders: tuple[Path, ...], out: Path | None) -> int:
    """Draw the charts and report.html of a sweep, an explanation or a tuning.

    One DIR: all of them are drawn again, into DIR. Several sweeps: one chart has the throughput of the
    configurations that they share.
    """
    # The docstring is the help, which has no sections.
    if len(folders) > 1:
        return _draw_overlay(folders, out or DEFAULT_OUT)
    if out is not None:
        raise click.UsageError("--out is the chart of several folders; give a second DIR, or leave it out")
    return _draw_folder(folders[0])


def _draw_overlay(folders: Sequence[Path], out: Path) -> int:
    """Draw several folders in one chart, print its path, and tell what differs between them.

    Returns:
        Exit code: 0, or 1 if the chart can't be drawn.

    Raises:
        ResultsError: the folders can't be read or compared.
        StorageError: the chart can't be written.
    """
    if out.suffix not in SUFFIXES:
        raise click.UsageError(f"--out {out}: a chart's file ends in {' or '.join(SUFFIXES)}")
    overlay = Overlay.read(folders)
    try:
        chart = make_overlay_chart(overlay)
        path = save_chart(chart, out)
    except ChartsError as error:
        complain(error)
        return FAILED
    click.echo(path, file=sys.stdout)
    click.echo(overlay.describe_folders(), file=sys.stderr)
    return 0


def _draw_folder(folder: Path) -> int:
    """Draw the charts and the page of one folder, and print their paths.

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
    if has_tuning(folder):
        return ReportFiles.write_tuning(read_tuning(folder), folder)
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
