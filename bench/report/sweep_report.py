"""The report of a sweep: answer, table, cautions, and what is missing."""

from __future__ import annotations

import shlex

from rich.console import Console
from rich.markup import escape

from bench.report.aa_report import print_aa
from bench.report.answers import print_answers
from bench.report.cautions import (
    list_audits,
    list_failures,
    list_imprecise,
    list_resumed,
    list_warnings,
)
from bench.report.closing import print_end
from bench.report.console import print_line, print_text
from bench.report.device_report import describe_device_findings
from bench.report.labels import make_report_labels
from bench.report.notices import Notices
from bench.report.plan_table import print_left_out
from bench.report.remark import print_remarks
from bench.report.sweep_conclusion import SweepConclusion
from bench.report.table import print_table
from bench.text import printable


def print_results(console: Console, conclusion: SweepConclusion) -> None:
    """Print the answer, the table, and what to be wary of."""
    results, sweep, workload = conclusion.results, conclusion.sweep, conclusion.workload
    if results is None:
        return
    if conclusion.check is not None:
        print_aa(console, results.summary, conclusion.check)
        return
    summary, labels = results.summary, make_report_labels(results.summary)
    console.print()

    def make_code(number: int) -> list[str]:
        code = workload.make_code(sweep.plan.configurations[number].spec)
        return sweep.add_threads(number, code)

    print_answers(console, results.answers, labels, make_code)
    print_table(console, summary, labels)
    print_remarks(console, list_audits(summary, labels))
    for line in describe_device_findings(results.runs, summary):
        print_text(console, line)
    print_remarks(console, list_failures(summary, results.ceilings, labels))
    print_remarks(console, list_warnings(summary, labels))
    imprecise = conclusion.outcome.imprecise
    print_remarks(console, list_imprecise(imprecise, sweep.options.schedule.precision, labels))
    print_remarks(console, list_resumed(results.runs))


def print_closing(console: Console, conclusion: SweepConclusion, notices: Notices) -> None:
    """Print what has no results, the notices again, and where the results lie.

    Args:
        console: console to print to.
        conclusion: end of the sweep.
        notices: notices that were printed before the measuring.
    """
    sweep = conclusion.sweep
    program = sweep.options.program
    if conclusion.charts_error:
        again = f"{program.removesuffix('sweep')}plot {shlex.quote(printable(str(sweep.folder)))}"
        print_line(
            console,
            f"[bold yellow]No charts:[/] {escape(conclusion.charts_error)}; {escape(again)} tries again",
        )
    print_left_out(console, sweep.plan)
    notices.remind()
    print_end(console, sweep.folder, conclusion.outcome, program)
