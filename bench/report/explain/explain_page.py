"""The page of an explanation: what bounds a training, what would help, how to repeat it. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.analysis.explanation.explanation import Explanation
from bench.records import results_folder
from bench.report.charts.chart import Chart
from bench.report.explain.answer import answer_in_a_sentence, has_nothing_to_gain
from bench.report.explain.change_rows import make_change_rows
from bench.report.explain.change_words import (
    describe_break_even,
    describe_useless,
    explain_no_changes,
    list_changes,
    title_changes,
    title_without_changes,
)
from bench.report.explain.explain_charts import make_explanation_charts
from bench.report.explain.explanation_file import read_explanation
from bench.report.explain.overlap import describe_overlap
from bench.report.explain.part_table import make_part_table
from bench.report.explain.stages import describe_ladder, describe_start_up, describe_stragglers
from bench.report.explain.tiles import make_explanation_tiles
from bench.report.explain.verdict_words import describe_fit, describe_speed, describe_verdict, list_cautions
from bench.report.explain.wording import describe_setup
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
from bench.text import printable

# Where the rows of each chart are.
PLACES = {
    "where_a_sample_goes": Rows("parts", (results_folder.BATCHES, results_folder.RUNS)),
    "stage_costs": Rows("", (results_folder.LADDER,)),
    "predicted_gains": Rows("changes", (results_folder.EXPLANATION,)),
    "break_even": Rows("", (results_folder.EXPLANATION,)),
}
FILES = (
    results_folder.EXPLANATION,
    results_folder.RUNS,
    results_folder.CEILINGS,
    results_folder.LADDER,
    results_folder.BATCHES,
    results_folder.ENVIRONMENT,
    results_folder.CONFIG,
    results_folder.LOG,
    "verify/summary.csv",
    "check/summary.csv",
)


def write_explain_page(folder: Path, charts: Sequence[Chart] | None = None) -> Path:
    """Write report.html of an explanation into its results folder, from what lies there.

    Args:
        folder: the results folder.
        charts: charts of the explanation; default None makes them. Without charts the page says why.

    Returns:
        Path of the page.

    Raises:
        ResultsError: the folder holds no explanation that can be read.
        StorageError: the page can't be written.
        PageError: the page can't be made.
    """
    with prepare_page():
        return write_page(folder, "explain.html", _collect(folder, read_explanation(folder), charts))


def _collect(folder: Path, explanation: Explanation, charts: Sequence[Chart] | None) -> dict[str, Any]:
    """Return the values of the template."""
    environment = find_environment(folder)
    setup = explanation.setup

    def find_rows(name: str) -> Rows:
        place = PLACES.get(name, Rows(""))
        return Rows(place.anchor, tuple(name for name in place.files if (folder / name).is_file()))

    figures, charts_error = draw_figures(
        lambda: make_explanation_charts(explanation) if charts is None else charts, find_rows
    )
    changes = make_change_rows(explanation)
    sections = ("Answer", "Time", "Changes", "Stages", "Cautions", "Machine", "Repeat it")
    return {
        "title": f"What bounds {printable(setup.name)}",
        "subtitle": " · ".join(
            filter(None, (describe_setup(setup), format_start(environment), describe_machine(environment)))
        ),
        "sections": [(name.split()[0].lower(), name) for name in sections],
        "sentence": answer_in_a_sentence(explanation),
        "verdict": describe_verdict(explanation),
        "speed": describe_speed(explanation),
        "tiles": make_explanation_tiles(explanation),
        "overlap": describe_overlap(explanation),
        "parts_table": make_part_table(explanation),
        "changes": changes,
        "changes_title": title_changes(explanation) if changes else title_without_changes(explanation),
        "is_done": has_nothing_to_gain(explanation),
        "no_changes": "" if list_changes(explanation) else explain_no_changes(explanation),
        "useless": list(filter(None, [describe_useless(explanation)])),
        "break_even": list(filter(None, [describe_break_even(explanation)])),
        "stages": [
            remark
            for remark in (
                describe_ladder(explanation),
                describe_stragglers(explanation),
                describe_start_up(explanation),
            )
            if remark is not None
        ],
        "figures": {figure.name: figure for figure in figures},
        "cautions": [*charts_error, *list_cautions(explanation)],
        "fit": list(filter(None, [describe_fit(explanation)])),
        "machine": list_machine(environment),
        "data": list_data(environment),
        "command": write_repeat_command(environment),
        "resume": "",
        "files": [name for name in FILES if (folder / name).is_file()],
        "folder": folder.name,
    }
