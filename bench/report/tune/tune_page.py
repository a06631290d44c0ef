"""The page of a tuning: the setting to use, what holds, every candidate, how to repeat it. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.analysis.tuning.tuning import Tuning
from bench.records import results_folder
from bench.report.charts.chart import Chart
from bench.report.page.figures import Rows, draw_figures
from bench.report.page.machine_facts import (
    describe_machine,
    find_environment,
    format_start,
    list_data,
    list_machine,
)
from bench.report.page.page import prepare_page, write_page
from bench.report.page.repeat_command import write_repeat_command
from bench.report.tune.answer import answer_in_a_sentence
from bench.report.tune.candidate_table import make_candidate_table
from bench.report.tune.findings import list_cautions, list_findings
from bench.report.tune.tiles import make_tuning_tiles
from bench.report.tune.tune_charts import make_tuning_charts
from bench.report.tune.tuning_file import read_tuning
from bench.report.tune.words import describe_setup, list_code
from bench.text import printable

# The rows of each chart.
PLACES = {
    "fresh_gains": (results_folder.TUNING, "confirm/runs.csv"),
    "race_ratios": (results_folder.TUNING, "race/runs.csv"),
    "screen_ratios": (results_folder.TUNING, "screen/runs.csv"),
    "tuning_time": (results_folder.TUNING,),
}
# Id of the section of the table, and charts whose rows it holds.
ALL = "all"
OF_CANDIDATES = ("fresh_gains", "race_ratios", "screen_ratios")
FILES = (
    results_folder.TUNING,
    *(f"{stage}/{results_folder.RUNS}" for stage in ("screen", "race", "confirm", "exhaustive")),
    f"confirm/{results_folder.CEILINGS}",
    results_folder.ENVIRONMENT,
    results_folder.CONFIG,
    results_folder.LOG,
)


def write_tune_page(folder: Path, charts: Sequence[Chart] | None = None) -> Path:
    """Write report.html of a tuning into its results folder, from what lies there.

    Args:
        folder: the results folder.
        charts: charts of the tuning; default None makes them. Without charts the page says why.

    Returns:
        Path of the page.

    Raises:
        ResultsError: the folder holds no tuning that can be read.
        StorageError: the page can't be written.
        PageError: the page can't be made.
    """
    with prepare_page():
        return write_page(folder, "tune.html", _collect(folder, read_tuning(folder), charts))


def _collect(folder: Path, tuning: Tuning, charts: Sequence[Chart] | None) -> dict[str, Any]:
    """Return the values of the template."""
    environment = find_environment(folder)

    def find_rows(name: str) -> Rows:
        files = tuple(name for name in PLACES.get(name, ()) if (folder / name).is_file())
        return Rows(ALL if name in OF_CANDIDATES else "", files)

    figures, charts_error = draw_figures(
        lambda: make_tuning_charts(tuning) if charts is None else charts, find_rows
    )
    sections = {
        "answer": "Answer",
        "charts": "Charts" if figures else "",
        ALL: "All candidates",
        "findings": "What holds",
        "cautions": "Cautions",
        "machine": "Machine",
        "repeat": "Repeat it",
    }
    return {
        "title": f"The best setting for {printable(tuning.name)}",
        "subtitle": " · ".join(
            filter(None, (describe_setup(tuning), format_start(environment), describe_machine(environment)))
        ),
        "sections": [(key, name) for key, name in sections.items() if name],
        "sentence": answer_in_a_sentence(tuning),
        "tiles": make_tuning_tiles(tuning),
        "code": list_code(tuning),
        "figures": figures,
        "table": make_candidate_table(tuning),
        "findings": list_findings(tuning),
        "cautions": [*charts_error, *list_cautions(tuning)],
        "machine": list_machine(environment),
        "data": list_data(environment),
        "command": write_repeat_command(environment),
        "resume": "",
        "files": [name for name in FILES if (folder / name).is_file()],
        "folder": folder.name,
    }
