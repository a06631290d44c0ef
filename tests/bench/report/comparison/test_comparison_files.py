"""The chart and the page of a comparison."""

from __future__ import annotations

from dataclasses import replace

from bench.analysis.statistics import Estimate
from bench.report.charts.drawing import ChartsError
from bench.report.charts.svg import to_svg
from bench.report.comparison.comparison_chart import MOST_ROWS, make_comparison_chart
from bench.report.comparison.comparison_files import write_comparison


def test_the_chart_has_a_row_for_each_ratio(comparison) -> None:
    """The slower ones first; one that failed has none. The picture says in words what it shows."""
    chart = make_comparison_chart(comparison)
    assert chart is not None
    assert chart.configurations == (1, 3, 2, 0)
    assert "is slower" in chart.alternative
    svg = to_svg(chart)
    assert "num_workers=1" in svg
    assert "num_workers=4" not in svg


def test_a_long_chart_leaves_out_rows_and_says_so(comparison) -> None:
    """It stays readable, and an extreme ratio doesn't squeeze the others."""
    one = replace(comparison.configurations[0], ratio=Estimate(900.0, 800.0, 1000.0, 5))
    configurations = tuple(replace(one, name=f"x{n}", number_a=n) for n in range(200))
    chart = make_comparison_chart(replace(comparison, configurations=configurations))
    assert chart is not None
    assert len(chart.configurations) == MOST_ROWS
    assert "160 more configurations aren't shown." in chart.caption
    assert chart.figure.axes[0].get_xlim()[1] < 5


def test_without_a_ratio_there_is_no_chart(comparison) -> None:
    """Two sides that can't be compared have none."""
    assert make_comparison_chart(replace(comparison, configurations=(), obstacles=("x",))) is None


def test_the_page_holds_it_all_and_escapes_names(comparison, tmp_path) -> None:
    """The answer, the figures, the reasons and both sides; names of users are text."""
    assert write_comparison(comparison, tmp_path) == []
    names = ["comparison.json", "comparison.md", "comparison.png", "comparison.svg", "report.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    page = (tmp_path / "report.html").read_text()
    title = "A: main (0123456) · B: "
    for text in ("1 of 5 configurations is slower", "failed in B", "A CPU", "<svg", title):
        assert text in page
    assert "<script>a" not in page
    assert "a|b &lt;script&gt;" in page


def test_a_page_of_two_sides_that_cannot_be_compared_says_why(comparison, tmp_path) -> None:
    """It has no chart and no table."""
    write_comparison(replace(comparison, configurations=(), obstacles=("dataset: A x, B y",)), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "dataset: A x, B y" in page
    assert "<svg" not in page
    assert not (tmp_path / "comparison.png").exists()


def test_charts_that_cannot_be_drawn_cost_no_figures(comparison, tmp_path, monkeypatch) -> None:
    """The error is told, and all else is written."""

    def fail(_: object) -> None:
        raise ChartsError("the charts can't be drawn: no seaborn")

    for module in ("comparison_files", "comparison_page"):
        monkeypatch.setattr(f"bench.report.comparison.{module}.make_comparison_chart", fail)
    assert write_comparison(comparison, tmp_path) == ["the charts can't be drawn: no seaborn"]
    assert "no seaborn" in (tmp_path / "report.html").read_text()
