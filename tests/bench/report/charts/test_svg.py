"""Charts as SVG."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from bench.report.charts.draw import make_charts
from bench.report.charts.svg import to_svg, to_svg_file
from tests.bench.report.charts import made_sweeps

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    """Return the charts of ten configurations."""
    rows = made_sweeps.make_rows(made_sweeps.make_grid(sizes=("64",)))
    return make_charts(made_sweeps.read_sweep(tmp_path_factory.mktemp("sweep"), rows))


@pytest.fixture(scope="module")
def drawn(charts):
    """Return each chart with its element for a page."""
    return [(chart, ET.fromstring(to_svg(chart))) for chart in charts]


def list_texts(svg) -> set[str]:
    """Return the texts that are drawn."""
    return {" ".join("".join(text.itertext()).split()) for text in svg.iter(f"{SVG}text")}


def test_it_says_what_it_is(drawn) -> None:
    """A screen reader has the title and the finding."""
    for chart, svg in drawn:
        named = [svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")]
        assert [part.text for part in named] == [chart.title, chart.alternative]
        assert svg.get("role") == "img"
        assert svg.get("aria-labelledby") == " ".join(part.get("id") for part in named)


def test_ids_are_unique_in_a_page(drawn) -> None:
    """And whatever is referred to is there."""
    ids = [part.get("id") for _, svg in drawn for part in svg.iter() if part.get("id")]
    assert len(set(ids)) == len(ids)
    for chart, svg in drawn:
        text = ET.tostring(svg, encoding="unicode")
        wanted = {*re.findall(r"url\(#([^)]+)\)", text), *re.findall(r'href="#([^"]+)"', text)}
        assert wanted
        assert wanted <= set(ids)
        assert all(name.startswith(f"{chart.name}-") for name in wanted)


def test_neutral_parts_follow_the_page(drawn) -> None:
    """No black, no white background, no font and no style sheet of its own, so that a dark page shows all."""
    for _, svg in drawn:
        text = ET.tostring(svg, encoding="unicode")
        assert svg.get("fill") == "currentColor"
        assert not re.search(r"#000000|font-family|<(\w+:)?style", text)
        assert not re.search(r"fill: #ffffff", text)


def test_nothing_is_fetched(drawn) -> None:
    """Links lead into the page; texts are texts."""
    for _, svg in drawn:
        links = [value for part in svg.iter() for key, value in part.items() if key.endswith("href")]
        assert all(link.startswith("#") for link in links)
        assert list_texts(svg)
        assert not list(svg.iter(f"{SVG}image"))


def test_marks_know_their_configuration(drawn) -> None:
    """So that a page can lead from a mark to its rows."""
    chart, svg = drawn[0]
    found = {int(part.get("data-configuration")) for part in svg.iter() if part.get("data-configuration")}
    assert found == set(chart.configurations)


def test_a_page_has_a_heading_instead_of_the_title(charts) -> None:
    """A file of its own shows it, before and after."""
    chart = charts[0]
    before = to_svg_file(chart)
    assert chart.title not in list_texts(ET.fromstring(to_svg(chart)))
    file = ET.fromstring(before)
    assert chart.title in list_texts(file)
    assert "prefers-color-scheme:dark" in file.find(f"{SVG}style").text
    assert to_svg_file(chart) == before


def test_letters_are_as_large_in_each_chart(drawn) -> None:
    """A page stretches charts to its width. One of a single panel is narrower, and stays so."""
    widths = {chart.name: svg.get("style", "") for chart, svg in drawn}
    assert widths["ranking"] == ""
    assert widths["memory"].startswith("max-width: 7")
