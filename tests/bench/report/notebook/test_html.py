"""HTML of a notebook's output."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from bench.report.notebook.html import link_report, make_code, make_paragraph, make_remarks, make_table
from bench.report.remark import Remark

HTML = "<b>"


def test_plain_text_is_escaped_and_markup_is_not() -> None:
    """In every part."""
    parts = (
        make_table([HTML], [[HTML], [Markup("<i>1</i>")]]),
        make_paragraph(HTML, Markup("<i>1</i>")),
        make_code([HTML]),
        make_remarks([Remark(HTML, HTML)]),
        link_report(Path(HTML)),
    )
    for part in parts:
        assert HTML not in part
        assert "&lt;b&gt;" in part
    assert "<i>1</i>" in parts[0]
    assert "<i>1</i>" in parts[1]


def test_figures_stand_at_the_right() -> None:
    """Columns of text don't."""
    table = make_table(["name", "rate", "judgement"], [["a", "1", "same"]], texts=(0, 2))
    assert [cell.split(">")[1].split("<")[0] for cell in table.split("text-align: ")[1:]] == [
        "name", "rate", "judgement", "a", "1", "same",
    ]  # fmt: skip
    assert [cell[: cell.index(";")] for cell in table.split("text-align: ")[1:]] == [
        "left",
        "right",
        "left",
    ] * 2


def test_nothing_has_no_element() -> None:
    """Neither a list nor lines of code."""
    assert make_remarks([]) == make_code([]) == ""


def test_a_report_is_linked_where_there_is_one(tmp_path) -> None:
    """Letters that an address can't hold are encoded."""
    folder = tmp_path / "a b%"
    folder.mkdir()
    assert "href" not in link_report(folder)
    (folder / "report.html").touch()
    assert 'a%20b%25/report.html" target="_blank">report.html</a>' in link_report(folder)
