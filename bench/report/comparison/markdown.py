"""A comparison as Markdown, for a comment on a pull request or the summary of a job."""

from __future__ import annotations

import re

from bench.analysis.comparison.comparison import ComparedConfiguration, Comparison, Judgement
from bench.report.comparison.words import (
    describe_answer,
    describe_method,
    format_factor,
    format_interval,
    list_remarks,
    order_configurations,
)
from bench.text import abbreviate, format_count

# Marks that are seen at a glance, beside the word.
MARKS: dict[Judgement, str] = {"slower": "🔴", "undecided": "⚪", "faster": "🟢", "same": "✅"}
# Rows beyond are folded away: a comment is read as a whole. The worst come first.
MOST_ROWS = 20
# Letters that Markdown or HTML would read as its own. An underscore within a word is none.
SPECIAL = re.compile(r"([\\`*\[\]<>#|~]|(?<!\w)_|_(?!\w))")
# A space without width keeps a name after it from being mentioned.
UNMENTIONED = "@\u200b"


def to_markdown(comparison: Comparison) -> str:
    """Return a comparison as GitHub's Markdown, with a line end at its end."""
    code = comparison.exit_code
    mark = {0: MARKS["same"], 1: MARKS["slower"], 3: MARKS["undecided"]}.get(code, "⚠️")
    lines = [f"### {mark} Loaders: {_escape(describe_answer(comparison))}", ""]
    lines += [f"A: {_escape(comparison.name_a)}<br>B: {_escape(comparison.name_b)}", ""]
    rows = [_make_row(one) for one in order_configurations(comparison)]
    if rows:
        lines += [*_make_head(comparison), *rows[:MOST_ROWS], ""]
    if more := rows[MOST_ROWS:]:
        summary = f"<details><summary>{format_count(len(more), 'more configuration')}</summary>"
        lines += [summary, "", *_make_head(comparison), *more, "", "</details>", ""]
    lines += [f"- **{_escape(remark.title)}**: {_escape(remark.text)}" for remark in list_remarks(comparison)]
    if rows:
        lines += ["", f"<sub>{_escape(describe_method(comparison))}</sub>"]
    return "\n".join(lines).rstrip() + "\n"


def _make_head(comparison: Comparison) -> list[str]:
    unit = "× baseline" if comparison.options.across_machines else "samples/s"
    return [
        f"| configuration | A {unit} | B {unit} | B/A | 90% interval | |",
        "|---|---:|---:|---:|---:|---|",
    ]


def _make_row(one: ComparedConfiguration) -> str:
    cells = [
        _escape(one.name),
        "" if one.a is None else abbreviate(one.a),
        "" if one.b is None else abbreviate(one.b),
        "" if one.ratio is None else format_factor(one.ratio.median),
        format_interval(one.ratio),
        f"{MARKS[one.judgement]} {one.judgement}",
    ]
    return f"| {' | '.join(cells)} |"


def _escape(text: str) -> str:
    """Return a text that Markdown shows as it is, in one line; it mentions nobody and links to nothing."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("@", UNMENTIONED)
