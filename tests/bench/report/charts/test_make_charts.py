"""Charts of a sweep: which ones it gets, their words, and their size."""

from __future__ import annotations

import re

import pytest

from bench.report.charts.draw import make_charts
from tests.bench.report.charts import made_sweeps

EVERY = [
    "ranking", "throughput_by_workers", "throughput_by_batch_size", "heat_map", "where_time_goes", "start_up",
    "memory", "shuffle_quality",
]  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a sweep of 20 configurations in two kinds of work and three blocks."""
    folder = tmp_path_factory.mktemp("sweep")
    return made_sweeps.read_sweep(folder, made_sweeps.make_rows(made_sweeps.make_grid()))


@pytest.fixture(scope="module")
def charts(results):
    """Return its charts by their names."""
    return {chart.name: chart for chart in make_charts(results)}


@pytest.fixture(scope="module")
def large(results):
    """Return the charts of 240 configurations in eight kinds of work."""
    return {chart.name: chart for chart in make_charts(made_sweeps.multiply(results, 8, 30))}


def list_texts(chart) -> list[str]:
    """Return the texts of a figure."""
    import matplotlib.text

    return [part.get_text() for part in chart.figure.findobj(matplotlib.text.Text) if part.get_text()]


def test_every_chart_is_made(charts) -> None:
    """In the order of a report."""
    assert list(charts) == EVERY


def test_words_have_figures(charts) -> None:
    """The alternative text is a sentence that says the finding, and the caption says what was measured."""
    for name, chart in charts.items():
        assert re.search(r"\d", chart.alternative), name
        assert chart.alternative.endswith("."), name
        assert chart.caption.endswith("synthetic:1000, cpu, steady epochs, 3 blocks."), name
        assert chart.title in list_texts(chart), name


def test_the_best_and_the_baseline_come_first(large) -> None:
    """Of 30 configurations the last one is the baseline; the others are summed up."""
    chart = large["ranking"]
    texts = list_texts(chart)
    assert {"1  family_0 num_workers=0", "30  family_2 num_workers=9", "27 others", "baseline"} <= set(texts)
    assert "4  family_0 num_workers=3" not in texts
    # Five kinds of work have rows; the caption names what has none.
    assert texts.count("27 others") == 5
    assert (
        "135 configurations that are neither best nor baseline and 3 further kinds of work" in chart.caption
    )
    assert chart.configurations[:4] == (0, 1, 29, 30)


def test_hundreds_of_configurations_fit(large) -> None:
    """A chart is at most a page and a half high, and no wider than a page, also in panels."""
    for name, chart in large.items():
        assert chart.figure.get_figheight() <= 13, name
        assert chart.figure.get_figwidth() <= 7.5, name
        assert len(chart.figure.axes) <= 9, name


def test_an_interval_is_named_only_where_there_is_one(tmp_path) -> None:
    """Two blocks have none."""
    grid = made_sweeps.make_grid(sizes=("64",))
    for blocks in (1, 2, 3):
        sweep = made_sweeps.read_sweep(tmp_path / str(blocks), made_sweeps.make_rows(grid, blocks))
        for chart in make_charts(sweep):
            words = f"{chart.caption} {chart.alternative}"
            if chart.name in ("ranking", "throughput_by_workers"):
                assert ("95% interval" in words) == (blocks == 3), (blocks, words)
                assert ("needs three blocks" in words) == (blocks < 3), (blocks, words)
            assert blocks == 3 or "95%" not in " ".join(list_texts(chart))


def test_persistent_workers_pay_from_an_epoch(charts) -> None:
    """They start once: the second epoch is shorter, and the first one isn't."""
    chart = charts["start_up"]
    assert "Persistent workers pay from epoch 2 on in 8 of 8 pairs" in chart.alternative
    assert "pays from epoch 2" in list_texts(chart)


def test_first_epochs_alone_have_no_later_ones(tmp_path) -> None:
    """A cold sweep has no chart of first against later epochs."""
    rows = made_sweeps.make_rows(made_sweeps.make_grid(sizes=("64",)), blocks=1, epochs=1)
    names = [chart.name for chart in make_charts(made_sweeps.read_sweep(tmp_path, rows))]
    assert "start_up" not in names
    assert "ranking" in names


@pytest.mark.parametrize("sizes", [("16", "32", "64", "128"), ("64", "256")])
def test_two_knobs_that_vary_one_at_a_time_have_no_map(tmp_path, sizes) -> None:
    """Most of its cells would be blank; of a small one some, and it would show no combination."""
    every = made_sweeps.make_grid(sizes=sizes, families=("stream",))
    cross = [
        cells
        for cells in every
        if cells["persistent_workers"] == "off"
        and "0" in (cells["num_workers"], str(int(cells["batch_size"]) - 64))
    ]
    charts = make_charts(made_sweeps.read_sweep(tmp_path, made_sweeps.make_rows(cross, 1, 2)))
    names = {chart.name for chart in charts}
    assert {"throughput_by_workers", "throughput_by_batch_size"} <= names
    assert "heat_map" not in names


def test_a_weak_shuffle_is_told(charts, large) -> None:
    """With its figure, and only where there is one."""
    told = charts["shuffle_quality"].alternative
    assert told.startswith(
        "10 of 20 configurations shuffle less than a true shuffle, which is 1. The least is 0.30"
    )
    assert large["shuffle_quality"].alternative.startswith("Nothing shuffles less than a true shuffle")


def test_memory_tells_the_front(charts) -> None:
    """The fastest of each amount of memory; none of them has the baseline's batch size alone."""
    told = charts["memory"].alternative
    assert told.startswith("Of 10 configurations for batch_size=64, 3 are on the Pareto front: ")
    assert "in 400 MiB" in told


def test_more_series_than_marks_are_thinned(results) -> None:
    """Twelve batch sizes can't be told apart; the caption says how many are shown."""
    charts = {chart.name: chart for chart in make_charts(made_sweeps.multiply(results, 12, 10))}
    assert "8 of 12 values of batch_size are shown." in charts["throughput_by_workers"].caption
