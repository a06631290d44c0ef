"""Charts of an explanation."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bench.analysis.explanation.explanation import Explanation
from bench.analysis.statistics import Estimate
from bench.records.errors import StorageError
from bench.report.charts.chart_files import to_png
from bench.report.charts.drawing import ChartsError
from bench.report.explain.charts.stage_costs import make_stage_costs
from bench.report.explain.charts.where_a_sample_goes import make_where_a_sample_goes
from bench.report.explain.explain_charts import draw_explanation
from bench.report.explain.stages import describe_ladder
from tests.bench.report.explain import explanations

NAMES = {"where_a_sample_goes", "stage_costs", "predicted_gains", "break_even"}


def draw(explanation: Explanation, folder: Path) -> dict[str, Path]:
    """Draw the charts, and return their paths by their names."""
    return {path.name: path for path in draw_explanation(explanation, folder)}


def read_texts(path: Path) -> set[str]:
    """Return the texts of an SVG, which can be selected and searched."""
    return {
        " ".join("".join(element.itertext()).split())
        for element in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> dict[str, Path]:
    """Return the charts of a verified explanation."""
    return draw(explanations.verified(), tmp_path_factory.mktemp("charts"))


def test_every_chart_is_a_picture_and_a_drawing(drawn) -> None:
    """PNG and SVG, none of them empty, and nothing else in the folder."""
    assert set(drawn) == {f"{name}.{form}" for name in NAMES for form in ("png", "svg")}
    for name, path in drawn.items():
        start = b"\x89PNG" if name.endswith("png") else b"<?xml"
        assert path.read_bytes().startswith(start)
        assert path.stat().st_size > 5000
    assert {path.name for path in drawn["break_even.png"].parent.iterdir()} == set(drawn)


def test_the_text_of_a_drawing_is_text(drawn) -> None:
    """Names, shares and figures, with the worker beside the training process."""
    found = read_texts(drawn["where_a_sample_goes.svg"])
    assert {"66% waiting, 128", "72% fetch, 281", "waiting", "fetch"} <= found
    assert any("each of 2 workers" in text for text in found)
    gains = read_texts(drawn["predicted_gains.svg"])
    assert {"predicted", "actual", "×1.94 (1.90–1.98)", "×1.87 (1.81–1.93)", "as it is"} <= gains
    # A change without a predicted gain has no point.
    assert not any("whole batch" in text for text in gains)
    steps = read_texts(drawn["break_even.svg"])
    assert {"12.1 ms", "as it is", "the step now: 3.84 ms", "checked: 97%"} <= steps
    assert {"fetch", "281"} <= read_texts(drawn["stage_costs.svg"])


def test_the_ladder_and_its_chart_have_the_same_figures() -> None:
    """Without an interval a difference below 0 is noise, and counts as 0 in both."""
    found = explanations.fetch_bound()
    ladder = [replace(rung, batch_s=Estimate(-1e-3, None, None, 1), sample_s=-1e-6) for rung in found.ladder]
    ladder = [replace(found.ladder[0], batch_s=Estimate(1e-3, None, None, 1)), *ladder[1:]]
    told = replace(found, ladder=tuple(ladder))
    chart, remark = make_stage_costs(told), describe_ladder(told)
    assert chart is not None
    assert remark is not None
    shown = [text.get_text() for axes in chart.figure.axes for text in axes.texts]
    costs = [stage.split()[-1] for stage in remark.text.removesuffix(".").split(", ")]
    assert costs[1:] == ["0"] * (len(ladder) - 1)
    assert shown.count("0") == len(ladder) - 1
    assert min(bar.get_width() for axes in chart.figure.axes for bar in axes.patches) == 0


def test_a_legend_of_each_process_is_seen(tmp_path) -> None:
    """Below the axes, where nothing cuts it off, with a line for each part."""
    chart = make_where_a_sample_goes(explanations.fetch_bound())
    figure = chart.figure
    to_png(chart)
    frame = figure.get_tightbbox()
    assert [len(legend.get_texts()) for legend in figure.legends] == [4, 5]
    for legend in figure.legends:
        box = legend.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        assert frame.x0 <= box.x0
        assert frame.y0 <= box.y0 < figure.axes[0].get_tightbbox().y0 / figure.dpi


def test_transforms_are_told_apart(tmp_path) -> None:
    """Twelve of them have twelve colours, and so has every other part."""
    figure = make_where_a_sample_goes(explanations.in_process()).figure
    colors = [bar.get_facecolor() for bar in figure.axes[0].patches]
    assert len(set(colors)) == len(colors) == 16


def test_a_drawing_is_the_same_each_time(drawn, tmp_path) -> None:
    """So that a kept folder changes only with its figures."""
    again = draw(replace(explanations.verified(), ladder=(), advice=(), useless=(), break_even=()), tmp_path)
    name = "where_a_sample_goes.svg"
    assert again[name].read_bytes() == drawn[name].read_bytes()


def test_names_are_no_formulas(tmp_path) -> None:
    """Of twelve transforms in one process; nor does an underscore hide one."""
    found = explanations.in_process()
    odd = replace(
        found, setup=replace(found.setup, name="$x_1$.py:a$b"), advice=(), useless=(), break_even=()
    )
    texts = read_texts(draw(odd, tmp_path)["where_a_sample_goes.svg"])
    assert any(text.startswith("$x_1$.py:a$b: ") for text in texts)
    assert any("RandomErasing($p=0.5$)" in text for text in texts)
    assert any("_OwnTransformOfThisProject" in text for text in texts)


def test_only_what_is_known_is_drawn(tmp_path) -> None:
    """No ladder, no change with a gain, no break-even step that can be drawn."""
    bare = explanations.undecided()
    point = replace(explanations.fetch_bound().break_even[0], step_s=math.inf)
    found = replace(bare, break_even=(point,), useless=(explanations.fetch_bound().advice[2],))
    assert set(draw(found, tmp_path)) == {"where_a_sample_goes.png", "where_a_sample_goes.svg"}
    assert draw(replace(bare, parts=()), tmp_path) == {}


def test_a_failure_is_one_line(tmp_path, monkeypatch) -> None:
    """It names the cause; a file that can't be written is another error."""
    found = replace(explanations.undecided())
    (tmp_path / "where_a_sample_goes.png").mkdir()
    with pytest.raises(StorageError, match=r"where_a_sample_goes\.png can't be written"):
        draw(found, tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no\nfont")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(ChartsError, match="the charts can't be drawn: RuntimeError: no font"):
        draw(found, tmp_path)
