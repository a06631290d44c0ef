"""The page of a comparison: what became slower or faster, how sure that is, and what else differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.analysis.comparison.comparison import JUDGEMENTS, ComparedConfiguration, Comparison
from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.report.comparison.comparison_chart import make_comparison_chart
from bench.report.comparison.words import (
    describe_answer,
    describe_method,
    format_factor,
    format_interval,
    format_margin,
    list_remarks,
    order_configurations,
)
from bench.report.page.figures import Rows, draw_figures
from bench.report.page.machine_facts import list_data, list_machine
from bench.report.page.page import prepare_page, write_page
from bench.report.page.parts import Cell, Column, PageTable, TableChoice, TableRow, Tile
from bench.report.page.repeat_command import write_repeat_command
from bench.text import format_rate

# Classes of the rows by their judgement.
CLASSES = {"slower": "failed", "faster": "best", "same": "", "undecided": ""}
TABLE = "compared"


def write_comparison_page(comparison: Comparison, folder: Path, files: tuple[str, ...]) -> Path:
    """Write report.html of a comparison.

    Args:
        comparison: the comparison.
        folder: folder for the page, which exists.
        files: files of the folder that hold its figures.

    Returns:
        Path of the page.

    Raises:
        StorageError: the page can't be written.
        PageError: the page can't be made.
    """
    with prepare_page():
        return write_page(folder, "comparison.html", _collect(comparison, folder, files))


def _collect(comparison: Comparison, folder: Path, files: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of the template."""

    def make_charts() -> list[Any]:
        chart = make_comparison_chart(comparison)
        return [] if chart is None else [chart]

    figures, charts_error = draw_figures(make_charts, lambda _: Rows("all", files))
    sections = {
        "answer": "Answer",
        "chart": "Chart" if figures else "",
        "all": "All configurations" if comparison.configurations else "",
        "cautions": "Cautions",
        "sides": "The two sides",
    }
    return {
        "title": "Two measurements compared",
        "subtitle": f"A: {comparison.name_a} · B: {comparison.name_b} · margin {format_margin(comparison)}",
        "sections": [(key, name) for key, name in sections.items() if name],
        "sentence": describe_answer(comparison),
        "method": describe_method(comparison) if comparison.configurations else "",
        "tiles": [
            Tile(str(len(comparison.select(judgement))), judgement)
            for judgement in JUDGEMENTS
            if comparison.configurations
        ],
        "figures": figures,
        "table": _make_table(comparison),
        "remarks": [*charts_error, *list_remarks(comparison)],
        "sides": [
            (mark, name, _list_facts(own))
            for mark, name, own in (
                ("A", comparison.name_a, comparison.folder_a),
                ("B", comparison.name_b, comparison.folder_b),
            )
        ],
        "files": files,
        "folder": folder.name,
    }


def _list_facts(folder: Path) -> list[tuple[str, str]]:
    """Return the facts of one side; none where its folder doesn't hold them."""
    try:
        environment = results_folder.read_environment(folder)
    except ResultsError:
        return [("folder", str(folder))]
    repeated = write_repeat_command(environment)
    command = [("command", repeated)] if repeated else []
    return [("folder", str(folder)), *command, *list_data(environment), *list_machine(environment)]


def _make_table(comparison: Comparison) -> PageTable:
    unit = "× baseline" if comparison.options.across_machines else "samples/s"
    columns = (
        Column("configuration", "text", "The settings that tell it from the others."),
        Column("judgement", "text", "The region of B/A that the interval leaves, or undecided."),
        Column("B/A", "number", "Ratio of B to A; below it its 90% interval."),
        Column(f"A {unit}", "number", "Median of the blocks of A."),
        Column(f"B {unit}", "number", "Median of the blocks of B."),
        Column("blocks", "number", "Number of blocks on each side, the smaller one."),
    )
    rows = tuple(_make_row(one) for one in order_configurations(comparison))
    values = tuple(judgement for judgement in JUDGEMENTS if comparison.select(judgement))
    choices = (TableChoice("judgement", "judgement", values),) if len(values) > 1 else ()
    return PageTable(TABLE, "All configurations that both sides hold", columns, rows, choices)


def _make_row(one: ComparedConfiguration) -> TableRow:
    ratio = one.ratio
    cells = (
        Cell(one.name),
        Cell(one.judgement, note=one.reason),
        Cell("", note="")
        if ratio is None
        else Cell(format_factor(ratio.median), ratio.median, format_interval(ratio)),
        Cell("" if one.a is None else format_rate(one.a), one.a),
        Cell("" if one.b is None else format_rate(one.b), one.b),
        Cell("0" if ratio is None else str(ratio.blocks), 0 if ratio is None else ratio.blocks),
    )
    return TableRow(str(one.number_a), cells, {"judgement": one.judgement}, CLASSES[one.judgement])
