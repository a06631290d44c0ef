"""An explanation as a notebook shows it: what bounds the training, what would help, cautions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.answer import answer_in_a_sentence
from bench.report.explain.change_words import (
    describe_advice,
    describe_break_even,
    describe_useless,
    explain_no_changes,
    list_changes,
    title_changes,
    title_without_changes,
)
from bench.report.explain.stages import describe_ladder, describe_start_up, describe_stragglers
from bench.report.explain.verdict_words import describe_fit, describe_speed, describe_verdict, list_cautions
from bench.report.explain.wording import describe_setup, format_gain
from bench.report.notebook.html import link_report, make_paragraph, make_remarks, make_table
from bench.report.remark import Remark
from bench.text import printable


def show_explanation(explanation: Explanation, folder: Path, notices: Sequence[str] = ()) -> str:
    """Return an explanation as HTML.

    Args:
        explanation: the explanation.
        folder: its results folder.
        notices: facts of data and loaders to know before reading figures; default none.
    """
    verdict = describe_verdict(explanation)
    sureness = f"({verdict.sureness})." if verdict.sureness else ""
    found = (
        describe_useless(explanation),
        describe_break_even(explanation),
        describe_ladder(explanation),
        describe_stragglers(explanation),
        describe_start_up(explanation),
        describe_fit(explanation),
    )
    remarks = [
        *(Remark("Notice", text, "caution") for text in notices),
        *(remark for remark in found if remark is not None),
        *list_cautions(explanation),
    ]
    parts = [
        make_paragraph(Markup("<strong>{}</strong>").format(answer_in_a_sentence(explanation))),
        make_paragraph(f"{printable(explanation.setup.name)}: {describe_setup(explanation.setup)}."),
        make_paragraph(f"{verdict.title} {sureness}".strip(), verdict.evidence, describe_speed(explanation)),
        _make_changes(explanation),
        make_remarks(remarks),
        link_report(folder),
    ]
    return str(Markup("").join(parts))


def _make_changes(explanation: Explanation) -> Markup:
    """Return the changes worth making with their gains, or why there are none."""
    changes = list_changes(explanation)
    if not changes:
        title = Markup("<strong>{}.</strong>").format(title_without_changes(explanation))
        return make_paragraph(title, explain_no_changes(explanation))
    is_verified = any(advice.actual is not None for advice in changes)
    titles = [title_changes(explanation), "predicted gain", *(["actual gain"] if is_verified else [])]
    rows = []
    for advice in changes:
        notes = describe_advice(advice, explanation)
        note = Markup("<br><small>{}</small>").format(notes) if notes else Markup("")
        row: list[str] = [Markup("{}{}").format(printable(advice.change), note), format_gain(advice.gain)]
        if is_verified:
            row.append("not verified" if advice.actual is None else format_gain(advice.actual))
        rows.append(row)
    return make_table(titles, rows)
