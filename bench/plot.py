"""Draw the charts of a results folder: `python -m bench.plot DIR`. Needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bench.cli.command_line import FAILED, run_command
from bench.cli.user_path import UserPath
from bench.records.errors import ResultsError
from bench.report.charts.draw import draw_charts
from bench.report.charts.drawing import ChartsError
from bench.report.explain.explain_charts import draw_explanation
from bench.report.explanation_file import has_explanation, read_explanation
from bench.report.output import complain


@click.command(help="Draw the charts of the sweep or explanation in DIR again, into DIR.")
@click.argument("folder", metavar="DIR", type=UserPath())
def command(folder: Path) -> int:
    """Draw the charts and print their paths.

    Returns:
        Exit code: 0, or 1 if the charts can't be drawn.
    """
    try:
        paths = (
            draw_explanation(read_explanation(folder), folder)
            if has_explanation(folder)
            else draw_charts(folder)
        )
    except ChartsError as error:
        complain(error)
        return FAILED
    for path in paths:
        click.echo(path, file=sys.stdout)
    return 0


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.plot`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    run_command(command, user_errors=(ResultsError,), arguments=arguments, program=program)


if __name__ == "__main__":
    main()
