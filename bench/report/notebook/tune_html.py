"""A tuning as a notebook shows it: the answer, the code, the best settings, what holds, cautions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from bench.analysis.tuning.tuning import Tuning
from bench.report.notebook.html import link_report, make_code, make_paragraph, make_remarks, make_table
from bench.report.remark import Remark
from bench.report.tune.answer import answer_in_a_sentence
from bench.report.tune.best_rows import make_best_rows
from bench.report.tune.findings import list_cautions, list_findings
from bench.report.tune.words import describe_setup, list_code
from bench.text import printable


def show_tuning(tuning: Tuning, folder: Path, notices: Sequence[str] = ()) -> str:
    """Return a tuning as HTML.

    Args:
        tuning: the tuning.
        folder: its results folder.
        notices: facts of data and loaders to know before reading figures; default none.
    """
    remarks = [
        *(Remark("Notice", text, "caution") for text in notices),
        *list_findings(tuning),
        *list_cautions(tuning),
    ]
    parts = [
        make_paragraph(Markup("<strong>{}</strong>").format(answer_in_a_sentence(tuning))),
        make_paragraph(f"{printable(tuning.name)}: {describe_setup(tuning)}."),
        make_code(list_code(tuning)),
        _make_table(tuning),
        make_remarks(remarks),
        link_report(folder),
    ]
    return str(Markup("").join(parts))


def _make_table(tuning: Tuning) -> Markup:
    """Return the tie set and the best others; nothing where none was tried."""
    best = make_best_rows(tuning)
    if not best.rows:
        return Markup("")
    rows = [(row.name, *row.figures, row.end) for row in best.rows]
    titles = ("setting", *best.columns, "")
    table = make_table(titles, rows, texts=(0, len(titles) - 1))
    return table + make_paragraph(best.note) if best.note else table
