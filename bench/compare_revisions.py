"""Compare two commits of a user's repository: `python -m bench.compare --revisions OLD NEW -- TARGET`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape

from bench.analysis.comparison.compare_folders import compare_folders
from bench.analysis.comparison.comparison import ComparisonOptions
from bench.cli.command_line import FAILED, run_command
from bench.cli.revisions_command import make_revisions_command
from bench.plan.plan import PlanError
from bench.plan.revision_options import RevisionOptions
from bench.process import interrupts
from bench.process.errors import ProcessError
from bench.records.errors import ResultsError
from bench.report.command_output import CommandOutput
from bench.report.comparison.comparison_files import write_comparison
from bench.report.comparison.output import show_comparison
from bench.report.console import print_line
from bench.report.output import complain
from bench.report.progress.sweep_printer import SweepPrinter
from bench.runner.revision.revision_session import RevisionConclusion, measure_revisions
from bench.text import printable
from bench.workloads.revision.repository import RevisionError
from bench.workloads.target.target import TargetError
from loaders.data.errors import DataError

USER_ERRORS = (RevisionError, PlanError, TargetError, DataError, ResultsError, ProcessError)


def compare_revisions(options: RevisionOptions, compared: ComparisonOptions) -> int:
    """Measure two commits in common blocks, compare them, and print the comparison.

    Args:
        options: what is measured of which commits.
        compared: how they are compared and printed.

    Returns:
        Exit code: 0 nothing is slower; 1 one is slower, or a file or the output can't be written; 3 one is
        undecided; 4 nothing can be compared; 130 if interrupted.
    """
    output = CommandOutput(options.order.screen)
    try:
        conclusion = measure_revisions(options, SweepPrinter(output.progress))
    except KeyboardInterrupt:
        # It came before the first trial, or after the last.
        complain("interrupted")
        return interrupts.INTERRUPTED
    for problem in conclusion.problems[:1]:
        complain(problem)
    code = _compare(conclusion, compared, output)
    if conclusion.interrupted:
        complain("interrupted: what was measured until then is compared")
        code = interrupts.INTERRUPTED
    elif conclusion.problems:
        code = FAILED
    return output.finish(code)


def _compare(conclusion: RevisionConclusion, compared: ComparisonOptions, output: CommandOutput) -> int:
    """Compare what was measured, print and write the comparison, and return its exit code."""
    old, new = conclusion.sides
    names = [str(revision) for revision in conclusion.revisions]
    comparison = compare_folders(
        old.sweep.folder, new.sweep.folder, compared, name_a=names[0], name_b=names[1]
    )
    show_comparison(output.answer, comparison)
    for problem in write_comparison(comparison, conclusion.folder):
        complain(problem)
    print_line(output.progress, f"Results: {escape(printable(str(conclusion.folder)))}")
    return comparison.exit_code


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.compare --revisions`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    command = make_revisions_command(compare_revisions)
    run_command(command, user_errors=USER_ERRORS, arguments=arguments, program=program)
