"""The report of a sweep: files, answer, table and cautions."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.analysis.aa import check_aa
from bench.analysis.answer import find_answers
from bench.plan.prepared_sweep import PreparedSweep
from bench.records import results_folder
from bench.records.errors import StorageError
from bench.report.aa_report import print_aa
from bench.report.answers import print_answers
from bench.report.cautions import (
    print_audits,
    print_failures,
    print_imprecise,
    print_resumed,
    print_warnings,
)
from bench.report.charts.draw import ChartsError, draw_charts
from bench.report.closing import print_end
from bench.report.console import print_line
from bench.report.device_report import print_device_findings
from bench.report.labels import make_report_labels
from bench.report.notices import Notices
from bench.report.output import complain
from bench.report.plan_table import print_left_out
from bench.report.sweep_outcome import SweepOutcome
from bench.report.sweep_results import SweepResults
from bench.report.table import print_table
from bench.text import printable
from bench.trial.workload import Workload


def report_sweep(
    console: Console, sweep: PreparedSweep, outcome: SweepOutcome, notices: Notices, workload: Workload
) -> int:
    """Summarise a sweep, also one that was not completed: write summary.csv and charts, print the results.

    Args:
        console: console to print to.
        sweep: sweep that was measured.
        outcome: end of the measuring.
        notices: notices that were printed before the measuring.
        workload: what was trained.

    Returns:
        Exit code: 0, or 1 if a trial failed, an A/A check claims too much, or an error occurred.
    """
    code = 0
    problems: list[object] = [outcome.problem] if outcome.problem else []
    if (results := SweepResults.read(sweep.folder)) is not None:
        code = int(results.has_failures)
        try:
            results_folder.write_csv(sweep.folder / results_folder.SUMMARY, results.summary)
        except StorageError as error:
            problems.append(error)
        if sweep.options.request.aa_pairs:
            check = check_aa(results.summary)
            print_aa(console, results.summary, check)
            code = max(code, int(check.total.excessive))
        else:
            _print_results(console, sweep, outcome, results, workload)
            problems += _try_charts(console, sweep.folder)
    print_left_out(console, sweep.plan)
    notices.remind()
    print_end(console, sweep.folder, outcome)
    # A full disk stops one file after the other: the first error names the cause.
    if problems:
        complain(problems[0])
    if (lost := getattr(console.file, "lost", None)) is not None:
        problems.append(f"standard output can't be written: {lost.strerror}")
        complain(problems[-1])
    return 1 if problems else code


def _print_results(
    console: Console, sweep: PreparedSweep, outcome: SweepOutcome, results: SweepResults, workload: Workload
) -> None:
    """Print the answer, the table, and what to be wary of."""
    summary, labels = results.summary, make_report_labels(results.summary)
    console.print()

    def make_code(number: int) -> list[str]:
        code = workload.make_code(sweep.plan.configurations[number].spec)
        return sweep.add_threads(number, code)

    print_answers(console, find_answers(summary), labels, make_code)
    print_table(console, summary, labels)
    print_audits(console, summary, labels)
    print_device_findings(console, results.runs, summary)
    print_failures(console, summary, results.ceilings, labels)
    print_warnings(console, summary, labels)
    print_imprecise(console, outcome, sweep.options.schedule.precision, labels)
    print_resumed(console, results.runs)


def _try_charts(console: Console, folder: Path) -> list[StorageError]:
    """Draw the charts; return the error if one can't be written."""
    try:
        draw_charts(folder)
    except ChartsError as error:
        again = f"python -m bench.plot {shlex.quote(printable(str(folder)))}"
        print_line(console, f"[bold yellow]No charts:[/] {escape(str(error))}; {escape(again)} tries again")
    except StorageError as error:
        return [error]
    return []
