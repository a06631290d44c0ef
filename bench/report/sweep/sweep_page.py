"""The page of a sweep: which configuration to use, how sure that is, and how to repeat it. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.analysis.aa import check_aa
from bench.analysis.naming import list_knobs
from bench.records import results_folder
from bench.records.pictures_file import read_pictures
from bench.report.charts.chart import Chart
from bench.report.charts.draw import make_charts
from bench.report.labels import Labels, make_report_labels
from bench.report.page.figures import Rows, draw_figures
from bench.report.page.machine_facts import (
    describe_machine,
    find_environment,
    format_start,
    list_data,
    list_machine,
)
from bench.report.page.markup import to_html
from bench.report.page.page import prepare_page, write_page
from bench.report.page.repeat_command import write_repeat_command
from bench.report.sweep.aa_report import describe_aa
from bench.report.sweep.answer_cards import AnswerCard, make_card
from bench.report.sweep.answer_words import MOST_ANSWERS, select_telling
from bench.report.sweep.common_settings import find_common
from bench.report.sweep.conclusion_file import SavedConclusion, read_conclusion
from bench.report.sweep.configuration_table import make_configuration_table
from bench.report.sweep.device_report import describe_device_findings
from bench.report.sweep.page_cautions import list_left_out, list_sweep_cautions
from bench.report.sweep.sample_strip import make_sample_strip
from bench.report.sweep.sweep_results import SweepResults
from bench.text import format_count

# Files that hold the rows of all charts.
ROWS = (results_folder.SUMMARY, results_folder.RUNS)
# Files that the page leads to.
FILES = (
    results_folder.RUNS,
    results_folder.CEILINGS,
    results_folder.DEVICE,
    results_folder.SUMMARY,
    results_folder.ENVIRONMENT,
    results_folder.CONFIG,
    results_folder.LOG,
)


def write_sweep_page(
    folder: Path, charts: Sequence[Chart] | None = None, results: SweepResults | None = None
) -> Path | None:
    """Write report.html of a sweep into its results folder, from what lies there.

    Args:
        folder: the results folder.
        charts: charts of its results; default None makes them. Without charts the page says why.
        results: tables of the folder; default None reads them.

    Returns:
        Path of the page; None where nothing was measured.

    Raises:
        ResultsError: the folder holds no results that can be read.
        StorageError: the page can't be written.
        PageError: the page can't be made.
    """
    with prepare_page():
        results = results or SweepResults.read(folder)
        if results is None:
            return None
        return write_page(folder, "sweep.html", _collect(results, charts))


def _collect(results: SweepResults, charts: Sequence[Chart] | None) -> dict[str, Any]:
    """Return the values of the template."""
    folder, summary = results.folder, results.summary
    environment = find_environment(folder)
    conclusion = read_conclusion(folder)
    labels = make_report_labels(summary)
    rows = Rows("all", tuple(name for name in ROWS if (folder / name).is_file()))
    samples = make_sample_strip(read_pictures(folder), labels)
    figures, charts_error = draw_figures(
        lambda: make_charts(results) if charts is None else charts, lambda _: rows
    )
    is_aa = environment.get("sweep", {}).get("aa_pairs") is not None
    telling = [] if is_aa else select_telling(results.answers)
    cautions = [*charts_error, *list_sweep_cautions(results, environment, conclusion, labels)]
    sections = {
        "answer": "Answer",
        "samples": "Samples" if samples is not None else "",
        "ranking": "Charts" if figures else "",
        "all": "All configurations",
        "cautions": "Cautions",
        "machine": "Machine",
        "repeat": "Repeat it",
    }
    blocks = int(summary["blocks"].max())
    about = [format_start(environment), describe_machine(environment), format_count(blocks, "block")]
    return {
        "title": f"Loaders of {environment.get('dataset', {}).get('name') or summary['dataset'].iloc[0]}",
        "subtitle": " · ".join(filter(None, about)),
        "sections": [(key, name) for key, name in sections.items() if name],
        "cards": _make_cards(results, conclusion, labels) if not is_aa else [],
        "more": max(0, len(telling) - MOST_ANSWERS),
        "check": [to_html(line) for line in describe_aa(summary, check_aa(summary))] if is_aa else [],
        "samples": samples,
        "figures": figures,
        "table": make_configuration_table(summary, labels, [answer.configuration for answer in telling]),
        "common": ", ".join(find_common(summary)),
        "cautions": cautions,
        "findings": [to_html(line) for line in describe_device_findings(results.runs, summary)],
        "left_out": list_left_out(environment),
        "machine": list_machine(environment),
        "data": list_data(environment),
        "command": write_repeat_command(environment),
        "resume": conclusion.resume,
        "files": [name for name in FILES if (folder / name).is_file()],
        "folder": folder.name,
    }


def _make_cards(results: SweepResults, conclusion: SavedConclusion, labels: Labels) -> list[AnswerCard]:
    lines = results.summary.set_index("configuration")
    names = ["family", *list_knobs(results.summary), "num_threads"]
    cards = []
    for answer in select_telling(results.answers)[:MOST_ANSWERS]:
        line = lines.loc[answer.configuration]
        settings = {name: str(line[name]) for name in names if str(line[name]) not in ("", "none", "nan")}
        code = conclusion.code.get(answer.configuration, ())
        cards.append(make_card(answer, labels, code, settings, results.gpu))
    return cards
