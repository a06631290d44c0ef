"""Cautions: failures and reasons to distrust figures, one remark each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.analysis.naming import name_cells
from bench.analysis.warnings import find_warnings
from bench.records.row import find_knobs
from bench.report.labels import Labels
from bench.report.remark import Remark
from bench.report.sweep.sweep_results import SweepResults
from bench.text import format_count, format_share, join_few

# Loaders of users' own data, whose batches are compared with their dataset. Others are checked in full.
COMPARED_FAMILIES = ("dataloader", "in_memory")
WEAKER_AUDITS = {
    "index": "what the samples hold was not compared with the dataset",
    "count": "samples without an index can only be counted",
}


def list_problems(
    results: SweepResults, labels: Labels, imprecise: Sequence[int] = (), precision: float | None = None
) -> list[Remark]:
    """List what failed in a sweep, and the reasons to distrust its figures.

    Args:
        results: tables of the sweep.
        labels: names of the configurations.
        imprecise: numbers of those whose intervals are wider than was asked for; default none.
        precision: half width that was asked for, as a share; default None, where none was.
    """
    return [
        *list_failures(results.summary, results.ceilings, labels),
        *list_warnings(results.summary, labels),
        *list_imprecise(imprecise, precision, labels),
        *list_resumed(results.runs),
    ]


def list_failures(summary: pd.DataFrame, ceilings: pd.DataFrame | None, labels: Labels) -> list[Remark]:
    """List the reason of each configuration and each ceiling that was not measured, each reason once."""
    found = [
        (line["status"], line["error"], labels.full[int(line["configuration"])])
        for _, line in summary[summary["status"] != "ok"].iterrows()
    ]
    if ceilings is not None:
        knobs = find_knobs(list(ceilings.columns))
        failed = ceilings[ceilings["status"] != "ok"].drop_duplicates(["family", *knobs, "error"])
        found += [
            (line["status"], line["error"], name_cells(line, ["family", *knobs]))
            for _, line in failed.iterrows()
        ]
    names: dict[tuple[str, str], list[str]] = {}
    for status, error, name in found:
        names.setdefault((status, error), []).append(name)
    return [
        Remark(f"{status} {join_few(named)}", error, "failure") for (status, error), named in names.items()
    ]


def list_warnings(summary: pd.DataFrame, labels: Labels) -> list[Remark]:
    """List the reasons to distrust the figures of a summary."""
    return [Remark(found.title, found.text, "caution") for found in find_warnings(summary, labels.full)]


def list_audits(summary: pd.DataFrame, labels: Labels) -> list[Remark]:
    """List how samples were checked, where that says less than a comparison of all that they hold."""
    ranked = summary[summary["rank"].notna()]
    found = _list_compared_in_part(ranked, labels)
    for audit, lines in ranked.groupby("audit", sort=False):
        if audit not in WEAKER_AUDITS:
            continue
        names = [labels.full[int(number)] for number in lines["configuration"]]
        named = "" if len(lines) == len(ranked) else f" ({join_few(names)})"
        found.append(Remark(f"Audited by {audit}{named}", f"{WEAKER_AUDITS[str(audit)]}."))
    return found


def _list_compared_in_part(ranked: pd.DataFrame, labels: Labels) -> list[Remark]:
    """Say how many batches of users' own loaders were compared, where comparing all would take too long."""
    is_part = (ranked["audit"] == "content") & (ranked["audited_share"] < 1)
    lines = ranked[is_part & ranked["family"].isin(COMPARED_FAMILIES)]
    if lines.empty:
        return []
    shares = [format_share(share) for share in (lines["audited_share"].min(), lines["audited_share"].max())]
    of = shares[0] if shares[0] == shares[1] else f"{shares[0]} to {shares[1]}"
    named = (
        "" if len(lines) == len(ranked) else f" ({join_few(labels.full[n] for n in lines['configuration'])})"
    )
    text = f"{of} of an epoch's batches were compared with the dataset. Comparing all would take too long."
    return [Remark(f"Audited in part{named}", text)]


def list_imprecise(imprecise: Sequence[int], precision: float | None, labels: Labels) -> list[Remark]:
    """List the configurations whose intervals are wider than was asked for.

    Args:
        imprecise: numbers of these configurations.
        precision: half width that was asked for, as a share; None where none was.
        labels: names of the configurations.
    """
    if not imprecise or precision is None:
        return []
    names = join_few(labels.full[number] for number in imprecise)
    wanted = f"±{100 * precision:.3g}%"
    text = f"the budget ended before {wanted} for {names}: --resume with a larger --budget goes on."
    return [Remark("Imprecise", text, "caution")]


def list_resumed(runs: pd.DataFrame) -> list[Remark]:
    """List how many rows were measured under other conditions than when the sweep began."""
    return [
        Remark(
            "Resumed anyway",
            f"{format_count(len(rows), 'row')} with {differences}; "
            "ratios of blocks that hold both say little.",
            "caution",
        )
        for differences, rows in runs[runs["resumed_with"] != ""].groupby("resumed_with")
    ]
