"""Pages in a real browser: the ones of a sweep of 200 configurations, an explanation and a tuning."""

from __future__ import annotations

import itertools

import pytest

from bench.report.charts.drawing import prepare_drawing
from bench.report.charts.ranked_sweep import RankedSweep
from bench.report.explain.explain_page import write_explain_page
from bench.report.sweep.sweep_page import write_sweep_page
from bench.report.sweep.sweep_results import SweepResults
from bench.report.tune.tune_page import write_tune_page
from tests.browser.pages import EVIL, write_explanation_folder, write_sweep, write_tuning_folder

ROWS = "#all-configurations tbody tr"
SHOWN = f"{ROWS}:not([hidden])"
# Contrast of text that WCAG 2 asks for at its stricter level.
LEAST_CONTRAST = 7.0
CONTRAST = """() => {
  const light = (color) => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.body);
  const [ink, paper] = [light(style.color), light(style.backgroundColor)];
  return [paper, (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)];
}"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Write the page of a sweep of 200 configurations, with its ranking."""
    folder = write_sweep(tmp_path_factory.mktemp("sweep"))
    results = SweepResults.read(folder)
    with prepare_drawing():
        from bench.report.charts.ranking import make_ranking

        charts = [make_ranking(RankedSweep.of(results))]
    return write_sweep_page(folder, charts, results)


@pytest.fixture(scope="module")
def explanation(tmp_path_factory):
    """Write the page of an explanation with every chart."""
    return write_explain_page(write_explanation_folder(tmp_path_factory.mktemp("explained") / "results"))


@pytest.fixture(scope="module")
def tuning(tmp_path_factory):
    """Write the page of a tuning of 200 candidates with every chart."""
    return write_tune_page(write_tuning_folder(tmp_path_factory.mktemp("tuned") / "results"))


@pytest.mark.parametrize("kind", ["sweep", "explanation", "tuning"])
def test_a_page_is_readable_and_asks_for_nothing(open_page, request, kind) -> None:
    """No error, no request, nothing beyond the window's edge, and strong contrast."""
    opened = open_page(request.getfixturevalue(kind))
    for width, scheme in itertools.product((360, 1600), ("light", "dark")):
        opened.page.set_viewport_size({"width": width, "height": 900})
        opened.page.emulate_media(color_scheme=scheme)
        assert opened.find_overflow() <= 0, width
        paper, contrast = opened.page.evaluate(CONTRAST)
        assert (paper > 0.5) == (scheme == "light")
        assert contrast >= LEAST_CONTRAST
    assert (opened.errors, opened.requests) == ([], [])


def test_names_of_users_are_text(open_page, sweep, explanation, tuning) -> None:
    """They hold HTML that would change the title."""
    for path in (sweep, explanation, tuning):
        page = open_page(path).page
        assert "broken" not in page.title().replace(EVIL, "")
        assert page.locator("img").count() == 0
        assert page.get_by_text(EVIL).count() > 0


def read_column(page, place: int) -> list[float | None]:
    """Return the figures of a column, from top to bottom."""
    cells = page.locator(f"{ROWS} > :nth-child({place})")
    return cells.evaluate_all(
        "cells => cells.map(c => 'value' in c.dataset ? Number(c.dataset.value) : null)"
    )


def test_the_table_sorts(open_page, sweep) -> None:
    """By mouse and by keyboard, the largest first, then the smallest. A failed one stays last."""
    page = open_page(sweep).page
    heads = page.locator("#all-configurations thead th")
    button = heads.nth(2).get_by_role("button")
    button.click()
    speeds = read_column(page, 3)
    assert len(speeds) == 200
    assert speeds[-1] is None
    assert speeds[:-1] == sorted(speeds[:-1], reverse=True)
    assert heads.nth(2).get_attribute("aria-sort") == "descending"
    button.press("Enter")
    assert read_column(page, 3) == [*sorted(speeds[:-1]), None]
    assert heads.nth(2).get_attribute("aria-sort") == "ascending"
    heads.nth(1).get_by_role("button").click()
    names = page.locator(f"{ROWS} > th").evaluate_all("cells => cells.map(c => c.firstChild.textContent)")
    assert names == sorted(names)
    assert [heads.nth(n).get_attribute("aria-sort") for n in (1, 2)] == ["ascending", None]


def test_the_table_filters(open_page, sweep) -> None:
    """By words of a name and by the values of settings; the number of rows is told."""
    page = open_page(sweep).page
    told = page.locator(".filters output")
    assert told.text_content() == "200 of 200 rows"
    page.get_by_label("Search").fill("SPAWN workers=4")
    assert page.locator(SHOWN).count() == 10
    page.get_by_label("family").select_option("tensor_slice")
    assert told.text_content() == "2 of 200 rows"
    assert all("tensor_slice" in text for text in page.locator(SHOWN).all_text_contents())
    page.get_by_role("button", name="Show all").click()
    assert page.locator(SHOWN).count() == 200
    page.get_by_label("state").select_option("failed")
    assert page.locator(SHOWN).count() == 1


def test_a_figure_leads_to_its_rows(open_page, sweep) -> None:
    """The table shows the figure's configurations; a mark leads to its own; files lie beside the page."""
    page = open_page(sweep).page
    link = page.locator("figure a.rows")
    drawn = link.get_attribute("data-configurations").split()
    link.click()
    assert page.evaluate("location.hash") == "#all"
    keys = page.locator(SHOWN).evaluate_all("rows => rows.map(row => row.dataset.row)")
    assert 0 < len(drawn) == len(keys)
    assert set(keys) == set(drawn)
    mark = page.locator("figure [data-configuration]").first
    mark.dispatch_event("click")
    assert page.locator(SHOWN).get_attribute("data-row") == mark.get_attribute("data-configuration")
    files = page.locator("figure a:not(.rows)").evaluate_all(
        "links => links.map(a => a.getAttribute('href'))"
    )
    assert files == ["runs.csv"]
    assert all((sweep.parent / name).is_file() for name in files)


def test_a_mark_of_a_tuning_leads_to_its_candidate(open_page, tuning) -> None:
    """In the race as in the screen; candidates are chosen by what became of them."""
    page = open_page(tuning).page
    for name in ("race_ratios", "screen_ratios"):
        mark = page.locator(f"#figure-{name} [data-configuration]").first
        mark.dispatch_event("click")
        shown = page.locator("#all-candidates tbody tr:not([hidden])")
        assert shown.get_attribute("data-row") == mark.get_attribute("data-configuration")
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("what became of it").select_option("failed")
    assert page.locator("#all-candidates tbody tr:not([hidden])").count() == 2


def test_code_is_copied(open_page, sweep) -> None:
    """As it stands there, with its empty line."""
    page = open_page(sweep).page
    page.locator(".answer .copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"from a import b\n\nb('</code>{EVIL}')\n"


def test_a_printed_page_has_all_rows(open_page, sweep) -> None:
    """What only a screen can use is left out."""
    page = open_page(sweep).page
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator(".filters").is_visible()
    assert not page.locator(".copy").first.is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflow") == "visible"


def test_a_page_without_scripts_shows_everything(open_page, sweep) -> None:
    """Buttons that could do nothing are hidden."""
    page = open_page(sweep, scripts=False).page
    assert page.locator(f"{ROWS}:visible").count() == 200
    assert not page.locator(".filters").is_visible()
    assert not page.locator(".copy").first.is_visible()
