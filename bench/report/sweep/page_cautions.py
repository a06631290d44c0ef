"""Cautions of a page: everything that a reader of a sweep's figures should know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report.labels import Labels
from bench.report.remark import Remark
from bench.report.sweep.cautions import list_audits, list_problems
from bench.report.sweep.conclusion_file import SavedConclusion
from bench.report.sweep.sweep_results import SweepResults
from bench.text import format_count, join_few


def list_sweep_cautions(
    results: SweepResults, environment: Mapping[str, Any], conclusion: SavedConclusion, labels: Labels
) -> list[Remark]:
    """List what a reader of a sweep's figures should know.

    Args:
        results: tables of the sweep.
        environment: content of environment.json.
        conclusion: what the end of the sweep knew beside its rows.
        labels: names of the configurations.
    """
    precision = environment.get("sweep", {}).get("precision")
    return [
        *(Remark("Notice", text, "caution") for text in conclusion.notices),
        *list_problems(results, labels, conclusion.imprecise, precision),
        *_list_missing(conclusion),
        *list_audits(results.summary, labels),
    ]


def list_left_out(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the combinations that could not work, each with the reason."""
    found = environment.get("sweep", {}).get("left_out") or []
    return [(str(one.get("configuration")), str(one.get("reason"))) for one in found if isinstance(one, dict)]


def _list_missing(conclusion: SavedConclusion) -> list[Remark]:
    found = []
    if conclusion.left_out:
        trials = format_count(conclusion.left_out, "trial")
        text = f"the budget left out {trials}."
        found.append(Remark("Not all was measured", text, "caution"))
    if conclusion.unmeasured:
        text = f"the budget had no time for {join_few(conclusion.unmeasured)}."
        found.append(Remark("Not all was measured", text, "caution"))
    if conclusion.interrupted:
        found.append(Remark("Interrupted", "only what was measured until then is shown.", "caution"))
    return found
