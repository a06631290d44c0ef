"""The frame of a page, and its file."""

from __future__ import annotations

import pytest

from bench.records.errors import ResultsError, StorageError
from bench.report.page import page
from bench.report.page.page import REPORT, PageError, prepare_page, render_page, write_page

TEMPLATE = """{% extends "base.html" %}{% import "parts.html" as parts %}
{% block content %}{{ parts.code(lines) }}{% endblock %}"""
CONTENT = {"title": "<b>one</b>", "subtitle": "", "sections": [("a", "A & B")], "lines": ["x < 'y'"]}


@pytest.fixture
def templates(tmp_path, monkeypatch):
    """Return a folder of templates with one more, and the page's own."""
    folder = tmp_path / "templates"
    folder.mkdir()
    for path in page.TEMPLATES.iterdir():
        (folder / path.name).write_text(path.read_text())
    (folder / "test.html").write_text(TEMPLATE)
    monkeypatch.setattr(page, "TEMPLATES", folder)
    return folder


def test_values_are_escaped(templates) -> None:
    """Names and errors of users may hold HTML."""
    text = render_page("test.html", CONTENT)
    assert "<title>&lt;b&gt;one&lt;/b&gt;</title>" in text
    assert "x &lt; &#39;y&#39;\n" in text
    assert '<a href="#a">A &amp; B</a>' in text
    assert "<b>one" not in text


def test_a_page_is_replaced_as_a_whole(templates, tmp_path) -> None:
    """Nothing else is left in the folder."""
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / REPORT).write_text("old")
    assert write_page(folder, "test.html", CONTENT) == folder / "report.html"
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    assert (folder / REPORT).read_text().startswith("<!doctype html>")


def test_bytes_that_are_no_letters_stay_readable(templates, tmp_path) -> None:
    """The name of a folder on Linux is any bytes, which Python keeps as surrogates."""
    assert write_page(tmp_path, "test.html", {**CONTENT, "lines": ["results/b\udcff"]}) == tmp_path / REPORT
    assert "results/b\\udcff\n" in (tmp_path / REPORT).read_text(encoding="utf-8")


def test_a_page_that_cannot_be_made_is_one_line(templates, tmp_path) -> None:
    """A missing value names itself; the page before it stays as it was."""
    (tmp_path / REPORT).write_text("old")
    content = {name: value for name, value in CONTENT.items() if name != "lines"}
    with (
        pytest.raises(PageError, match=r"^report\.html can't be made: .*'lines' is undefined"),
        prepare_page(),
    ):
        write_page(tmp_path, "test.html", content)
    assert (tmp_path / REPORT).read_text() == "old"


@pytest.mark.parametrize("error", [ResultsError("no rows"), StorageError(page.TEMPLATES, OSError("full"))])
def test_errors_of_the_folder_stay_themselves(error) -> None:
    """They are the caller's to report."""
    with pytest.raises(type(error)), prepare_page():
        raise error
