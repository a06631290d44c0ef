"""A comparison as a notebook shows it: what became slower or faster, the table, and what to know beside."""

from __future__ import annotations

from markupsafe import Markup

from bench.analysis.comparison.comparison import Comparison
from bench.report.comparison.words import (
    describe_answer,
    describe_method,
    describe_sides,
    format_factor,
    format_interval,
    list_remarks,
    order_configurations,
)
from bench.report.notebook.html import make_paragraph, make_remarks, make_table
from bench.text import abbreviate, format_count

# The worst come first.
MOST_ROWS = 20


def show_comparison(comparison: Comparison) -> str:
    """Return a comparison as HTML.

    Args:
        comparison: the comparison.
    """
    parts = [
        make_paragraph(Markup("<strong>{}</strong>").format(describe_answer(comparison))),
        make_paragraph(Markup("<br>").join(describe_sides(comparison))),
    ]
    if comparison.configurations:
        parts += [_make_table(comparison), make_paragraph(describe_method(comparison))]
    return str(Markup("").join([*parts, make_remarks(list_remarks(comparison))]))


def _make_table(comparison: Comparison) -> Markup:
    unit = "× base" if comparison.options.across_machines else "samples/s"
    titles = ("configuration", f"A {unit}", f"B {unit}", "B/A", "90% interval", "")
    ordered = order_configurations(comparison)
    rows = [
        (
            one.name,
            "" if one.a is None else abbreviate(one.a),
            "" if one.b is None else abbreviate(one.b),
            "" if one.ratio is None else format_factor(one.ratio.median),
            format_interval(one.ratio),
            one.judgement,
        )
        for one in ordered[:MOST_ROWS]
    ]
    table = make_table(titles, rows, texts=(0, len(titles) - 1))
    if (more := len(ordered) - MOST_ROWS) > 0:
        table += make_paragraph(f"{format_count(more, 'more configuration')}: the table has them all.")
    return table
