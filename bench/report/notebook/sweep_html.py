"""The results of a sweep as a notebook shows them: answers, table, cautions."""

from __future__ import annotations

from markupsafe import Markup

from bench.analysis.aa import check_aa
from bench.report.labels import make_report_labels
from bench.report.notebook.html import link_report, make_code, make_paragraph, make_remarks, make_table
from bench.report.page.markup import to_html
from bench.report.page.parts import Cell
from bench.report.remark import Remark
from bench.report.sweep.aa_report import describe_aa
from bench.report.sweep.answer_words import MOST_ANSWERS, describe_answer, select_telling
from bench.report.sweep.cautions import list_audits, list_problems
from bench.report.sweep.configuration_table import make_configuration_table
from bench.report.sweep.sweep_results import SweepResults
from bench.text import format_count

# Columns of the page's table that a notebook shows, by their names.
COLUMNS = ("#", "configuration", "samples/s", "× baseline", "of ceiling", "waiting", "first batch", "memory")
# The report has the other rows.
MOST_ROWS = 20


def show_results(results: SweepResults) -> str:
    """Return the results of a sweep as HTML.

    Args:
        results: the results.
    """
    labels = make_report_labels(results.summary)
    parts: list[Markup] = []
    if results.is_aa:
        parts += map(make_paragraph, map(to_html, describe_aa(results.summary, check_aa(results.summary))))
    telling = [] if results.is_aa else select_telling(results.answers)
    for answer in telling[:MOST_ANSWERS]:
        parts.append(make_paragraph(to_html(describe_answer(answer, labels, results.gpu).whole)))
        parts.append(make_code(results.code.get(answer.configuration, ())))
    if (more := len(telling) - MOST_ANSWERS) > 0:
        parts.append(make_paragraph(f"The table has {format_count(more, 'more kind')} of work."))
    remarks = [
        *(Remark("Notice", text, "caution") for text in results.notices),
        *list_problems(results, labels),
        *list_audits(results.summary, labels),
    ]
    return str(
        Markup("").join([*parts, _make_table(results), make_remarks(remarks), link_report(results.folder)])
    )


def _make_table(results: SweepResults) -> Markup:
    table = make_configuration_table(results.summary, make_report_labels(results.summary))
    names = [column.name for column in table.columns]
    places = [names.index(name) for name in COLUMNS]
    rows = [[_make_cell(row.cells[place]) for place in places] for row in table.rows[:MOST_ROWS]]
    made = make_table(COLUMNS, rows, texts=(COLUMNS.index("configuration"),))
    if (more := len(table.rows) - MOST_ROWS) > 0:
        made += make_paragraph(f"{format_count(more, 'more configuration')}: summary has them all.")
    return made


def _make_cell(cell: Cell) -> Markup:
    note = Markup("<br><small>{}</small>").format(cell.note) if cell.note else Markup("")
    return Markup("{}{}").format(cell.text, note)
