"""The report of a sweep: answer, table, cautions, and what is missing."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial

from rich.console import Console

from bench.records.results_folder import read_environment
from bench.report.console import print_text
from bench.report.labels import Labels, make_report_labels
from bench.report.notices import Notices
from bench.report.output import complain
from bench.report.remark import Remark, print_remarks
from bench.report.sweep.aa_report import print_aa
from bench.report.sweep.answers import print_answers
from bench.report.sweep.cautions import list_audits, list_failures, list_problems
from bench.report.sweep.closing import describe_next_explanation, list_next, print_end, print_unmeasured
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.device_report import describe_device_findings
from bench.report.sweep.missing import (
    Rest,
    lacks_baseline,
    repeat_within,
    resume_within,
    write_resume_command,
)
from bench.report.sweep.plan_table import print_left_out
from bench.report.sweep.table import print_table
from bench.text import printable

# The step of a user's training is their own.
GRAPH_COMMENT = "# Measured with the train step in CUDA graphs: torch.cuda.CUDAGraph."


def print_results(console: Console, conclusion: SweepConclusion) -> None:
    """Print the answer, the table, and what to be wary of."""
    results = conclusion.results
    if results is None:
        return
    if conclusion.check is not None:
        print_aa(console, results.summary, conclusion.check)
        return
    summary, labels = results.summary, make_report_labels(results.summary)
    console.print()
    print_answers(console, results.answers, labels, partial(make_code, conclusion), results.gpu)
    print_table(console, summary, labels)
    print_remarks(console, list_audits(summary, labels))
    for line in describe_device_findings(results.runs, summary):
        print_text(console, line)
    precision = conclusion.sweep.options.schedule.precision
    print_remarks(console, list_problems(results, labels, conclusion.outcome.imprecise, precision))


def print_answer(console: Console, conclusion: SweepConclusion) -> None:
    """Print the answer alone on the console, and what failed on standard error."""
    results = conclusion.results
    if results is None:
        return
    if conclusion.check is not None:
        print_aa(console, results.summary, conclusion.check)
        return
    labels = make_report_labels(results.summary)
    print_answers(console, results.answers, labels, partial(make_code, conclusion), results.gpu)
    for failure in list_failures(results.summary, results.ceilings, labels):
        complain(f"{failure.title}: {failure.text}")


def make_code(conclusion: SweepConclusion, number: int) -> list[str]:
    """Return the lines of code that make a configuration.

    Args:
        conclusion: end of the sweep.
        number: place of the configuration in the plan.
    """
    sweep = conclusion.sweep
    configuration = sweep.plan.configurations[number]
    code = sweep.add_threads(number, conclusion.workload.make_code(configuration.spec))
    return [*code, GRAPH_COMMENT] if configuration.cuda_graph else code


def list_cautions(conclusion: SweepConclusion, labels: Labels) -> list[Remark]:
    """List all that a reader of the figures should know; empty where nothing was measured."""
    results = conclusion.results
    if results is None:
        return []
    precision = conclusion.sweep.options.schedule.precision
    problems = list_problems(results, labels, conclusion.outcome.imprecise, precision)
    return [*list_audits(results.summary, labels), *problems]


def print_closing(console: Console, conclusion: SweepConclusion, notices: Notices) -> None:
    """Print what has no results, the notices again, and where the results lie.

    Args:
        console: console to print to.
        conclusion: end of the sweep.
        notices: notices that were printed before the measuring.
    """
    sweep = conclusion.sweep
    program = sweep.options.program
    again = f"{program.removesuffix('sweep')}plot {shlex.quote(printable(str(sweep.folder)))}"
    print_remarks(
        console, (replace(one, text=f"{one.text}; {again} tries again") for one in conclusion.undrawn)
    )
    print_left_out(console, sweep.plan)
    notices.remind()
    names = [sweep.names[number] for number in conclusion.outcome.unmeasured]
    print_unmeasured(console, names)
    print_end(console, sweep.folder, conclusion.outcome, find_rest(conclusion), _list_following(conclusion))


def find_rest(conclusion: SweepConclusion) -> Rest | None:
    """Return how to measure what a sweep lacks; None where nothing is missing.

    A sweep that was interrupted goes on. So does one whose budget was too short, with a budget that has time
    for the rest. Where the baseline failed, going on would give no ratios: the whole sweep is repeated. A
    part of another command, such as of an explanation, can't go on by itself.
    """
    sweep, outcome, results = conclusion.sweep, conclusion.outcome, conclusion.results
    program = sweep.options.program
    if not sweep.options.can_resume:
        return None
    if outcome.stopped:
        return Rest("To measure the rest", write_resume_command(sweep.folder, program))
    if not (outcome.left_out or outcome.unmeasured):
        return None
    if results is None or not lacks_baseline(results.summary):
        return resume_within(sweep.folder, program, outcome.rest_s)
    # The command of a resumed sweep doesn't say what it measures.
    environment = read_environment(sweep.folder) if sweep.is_resumed else {"command": sweep.options.command}
    return repeat_within(environment, sweep.options.budget_s)


def _list_following(conclusion: SweepConclusion) -> list[str]:
    """Return lines that say what to run next, after a quick sweep or where a training waits for its data."""
    sweep, results = conclusion.sweep, conclusion.results
    program = sweep.options.program
    if results is None or not results.answers or conclusion.outcome.stopped:
        return []
    if sweep.options.target is not None:
        best = results.answers[0]
        # An explanation measures the baseline again.
        waits = best.has_step and best.bound == "loader" and not lacks_baseline(results.summary)
        return [describe_next_explanation(sweep.folder, program)] if waits else []
    # A plan by importance is that of the quick preset.
    if not sweep.plan.importance:
        return []
    on_cuda = any(configuration.device == "cuda" for configuration in sweep.plan.runnable())
    return list_next(program, on_cuda=on_cuda)
