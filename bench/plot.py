"""Charts of a sweep, from its `runs.csv` alone: `python -m bench.plot DIR`. Needs no torch."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.command_line import run_command
from bench.records.errors import ResultsError
from bench.report.charts import draw_charts


@click.command(help="Draw the charts of the sweep in DIR from its runs.csv, into DIR.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def command(folder: Path) -> int:
    """The command line of this module."""
    for path in draw_charts(folder):
        click.echo(path)
    return 0


def main() -> None:
    """Entry point of `python -m bench.plot`."""
    run_command(command, user_errors=(ResultsError,))


if __name__ == "__main__":
    main()
