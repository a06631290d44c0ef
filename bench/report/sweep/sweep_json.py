"""JSON of a sweep: the answers, the ranking, the cautions, and the end.

docs/cli.md explains each member. A dataclass is an object with its attributes by their names, and an estimate
one of `median`, `low`, `high` and `blocks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from bench.analysis.intervals import from_cells
from bench.analysis.naming import list_knobs
from bench.plan.plan import Plan
from bench.plan.prepared_sweep import PreparedSweep
from bench.report.command_output import describe_end
from bench.report.labels import Labels, make_report_labels
from bench.report.remark import Remark
from bench.report.sweep.aa_report import describe_aa
from bench.report.sweep.answer_words import describe_answer
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.sweep_report import list_cautions, make_code
from bench.report.sweep.sweep_results import SweepResults

SCHEMA = 1
# Cells beside the knobs that tell a configuration from others.
SETTINGS = ("family", "device", "num_threads", "step", "loss", "cuda_graph")
ESTIMATES = ("samples_per_s", "ratio", "ratio_to_best", "ceiling_share")


def describe_sweep(conclusion: SweepConclusion, notices: Sequence[str], exit_code: int) -> dict[str, Any]:
    """Return the JSON object of a sweep that was measured.

    Args:
        conclusion: end of the sweep.
        notices: facts of data and loaders to know before reading figures.
        exit_code: exit code of the command.
    """
    results, outcome = conclusion.results, conclusion.outcome
    answers: list[dict[str, Any]] = []
    ranking: list[dict[str, Any]] = []
    cautions: list[Remark] = []
    if results is not None and conclusion.check is None:
        labels = make_report_labels(results.summary)
        answers = _list_answers(conclusion, results, labels)
        ranking = _rank(results.summary, labels)
        cautions = list_cautions(conclusion, labels)
    return {
        "schema": SCHEMA,
        "answer": _answer(conclusion, answers),
        "answers": answers,
        "ranking": ranking,
        "aa": None if conclusion.check is None else asdict(conclusion.check.total),
        "cautions": cautions,
        "notices": notices,
        "left_out": _list_left_out(conclusion.sweep.plan),
        "trials_left_out": outcome.left_out,
        "configurations_left_out": [conclusion.sweep.names[number] for number in outcome.unmeasured],
        "command": conclusion.sweep.options.command,
        **describe_end(
            conclusion.sweep.folder,
            [*conclusion.problems, *(f"{one.title}: {one.text}" for one in conclusion.undrawn)],
            interrupted=outcome.interrupted,
            exit_code=exit_code,
        ),
    }


def describe_plan(sweep: PreparedSweep, samples: int) -> dict[str, Any]:
    """Return the JSON object of a sweep that is not measured.

    Args:
        sweep: the sweep.
        samples: samples in an epoch.
    """
    configurations = [
        {
            "configuration": number,
            "name": name,
            "settings": cells,
            "unavailable": sweep.plan.unavailable.get(number),
        }
        for number, (name, cells) in enumerate(zip(sweep.names, sweep.plan.cells(), strict=True))
    ]
    seconds = sweep.options.schedule.blocks * sum(sweep.estimate_runs_s(samples))
    return {
        "schema": SCHEMA,
        "plan": configurations,
        "left_out": _list_left_out(sweep.plan),
        "estimated_s": seconds,
        "command": sweep.options.command,
        "exit_code": 0,
    }


def _answer(conclusion: SweepConclusion, answers: Sequence[dict[str, Any]]) -> str | None:
    """Return the sentences of the first answer, or of an A/A check; None where nothing was ranked."""
    if conclusion.check is not None and conclusion.results is not None:
        lines = describe_aa(conclusion.results.summary, conclusion.check)
        return " ".join(line.plain.strip() for line in lines)
    return answers[0]["sentence"] if answers else None


def _list_answers(conclusion: SweepConclusion, results: SweepResults, labels: Labels) -> list[dict[str, Any]]:
    return [
        {
            "sentence": describe_answer(answer, labels, results.gpu).whole.plain,
            "name": labels.full[answer.configuration],
            **asdict(answer),
            "bound": answer.bound,
            "code": make_code(conclusion, answer.configuration),
        }
        for answer in results.answers
    ]


def _rank(summary: pd.DataFrame, labels: Labels) -> list[dict[str, Any]]:
    """Return one object for each configuration, the kinds of work one after the other, the fastest first."""
    names = [*SETTINGS[:2], *list_knobs(summary), *SETTINGS[2:]]
    works = summary["configuration"].map(labels.work)
    return [
        _describe_line(line, labels, names)
        for _, group in summary.groupby(works, sort=False)
        for _, line in group.sort_values("rank", na_position="last").iterrows()
    ]


def _describe_line(line: pd.Series, labels: Labels, names: Sequence[str]) -> dict[str, Any]:
    number = int(line["configuration"])
    return {
        "rank": None if pd.isna(line["rank"]) else int(line["rank"]),
        "configuration": number,
        "name": labels.full[number],
        "work": labels.work[number],
        "baseline": int(line["baseline"]),
        "status": line["status"],
        "error": line["error"] or None,
        "tied": None if pd.isna(line["tied"]) else bool(line["tied"]),
        **{name: from_cells(line, name) for name in ESTIMATES},
        "ceiling": line["ceiling"],
        "waiting": line["data_wait_s"] / line["wall_s"],
        "time_to_first_batch_s": line["time_to_first_batch_s"],
        "peak_memory_bytes": line["peak_memory_bytes"],
        "settings": {name: str(line[name]) for name in names if str(line[name]) not in ("", "nan")},
    }


def _list_left_out(plan: Plan) -> list[dict[str, str]]:
    return [{"configuration": name, "reason": reason} for name, reason in plan.dropped]
