"""The ranked table."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bench.analysis.summary import summarise
from bench.report.labels import make_report_labels
from bench.report.sweep.table import print_table
from tests.bench import runs
from tests.bench.report.printing import capture
from tests.bench.runs import blocks, ceiling, failed, timed


def print_summary(summary: pd.DataFrame, width: int = 140) -> str:
    return capture(lambda console: print_table(console, summary, make_report_labels(summary)), width)


def print_rows(folder, rows, width: int = 140) -> str:
    return print_summary(summarise(runs.table(folder, rows)), width)


def three_blocks(number: int, wall_s: float, **changes) -> list:
    return [replace(timed(number, b, wall_s * (1 + b / 1000)), **changes) for b in range(3)]


def test_the_fastest_is_first(tmp_path) -> None:
    """Each line has its rank, throughput and ratio to the baseline."""
    text = print_rows(tmp_path, [*three_blocks(0, 2.0), *three_blocks(1, 1.0)])
    first, second = (line.split() for line in text.splitlines() if "num_workers=" in line)
    assert first[:6] == ["1", "num_workers=1", "999", "997–1.00k", "2", "2–2"]
    assert second[:2] == ["2", "num_workers=0"]
    assert "baseline" in second


def test_a_configuration_without_figures_says_so(tmp_path) -> None:
    """An interrupted sweep can hold only the cold epoch of a configuration."""
    text = print_rows(tmp_path, [*three_blocks(0, 2.0), replace(timed(1, 0, 1.0), epoch=0)])
    assert "not measured" in text


def test_a_failure_has_no_rank(tmp_path) -> None:
    """Its status stands in the place of figures."""
    text = print_rows(tmp_path, [*three_blocks(0, 1.0), failed(1, 0, "timeout")])
    assert ["num_workers=1", "timeout"] in [line.split() for line in text.splitlines()]


def test_the_share_of_the_ceiling_is_shown(tmp_path) -> None:
    """With the ceiling that binds; a tiny share is not 0."""
    ceilings = runs.table(tmp_path / "ceilings", ceiling("step", [0.5] * 3))
    rows = [*blocks(0, [2.0] * 3), *blocks(1, [200.0] * 3)]
    text = print_summary(summarise(runs.table(tmp_path / "runs", rows), ceilings))
    assert "25% step" in text
    assert "<1% step" in text


def test_sections_are_of_equal_work(tmp_path) -> None:
    """Two resizes to one shape beside a third make two sections, and each has one first place."""
    rows = [
        line
        for number, (resize, shape) in enumerate([("none", "1x28x28"), ("28", "1x28x28"), ("64", "1x64x64")])
        for line in three_blocks(
            number, 1.0 + number, sample_shape=shape, knobs={**timed(0, 0, 1.0).knobs, "resize": resize}
        )
    ]
    lines = [line.strip() for line in print_rows(tmp_path, rows).splitlines()]
    assert "sample_shape=1x28x28" in lines
    assert "sample_shape=1x64x64" in lines
    assert sum(line.startswith("1 ") for line in lines) == 2


@pytest.mark.parametrize("width", [120, 80])
def test_the_table_fits(tmp_path, width) -> None:
    """Long names and wide numbers: columns are left out, from the last, before any text is cut."""
    knobs = {"batch_size": "256", "resize": "none", "num_workers": "0"}
    wide = {"knobs": knobs, "peak_memory_bytes": 2**30 * 3 // 2}
    rows = [
        *blocks(0, [0.05, 0.051, 0.052], **wide),
        *blocks(1, [0.0012, 0.00121, 0.00122], family="batched_dataloader", **wide),
        *blocks(2, [0.04, 0.041, 0.042], **{**wide, "knobs": {**knobs, "num_workers": "2"}}),
    ]
    rows = [replace(line, time_to_first_batch_s=1.234) for line in rows]
    ceilings = runs.table(tmp_path / "ceilings", ceiling("step", [0.0012, 0.00121, 0.00122]))
    text = print_summary(summarise(runs.table(tmp_path / "runs", rows), ceilings), width)
    assert "batched_dataloader num_workers=0" in text
    assert "…" not in text
    assert ("memory" in text) == ("100% step" in text) == (width == 120)
    assert max(len(line.rstrip()) for line in text.split("All:")[0].splitlines()) <= width


@pytest.mark.parametrize("width", [80, 40, 20])
def test_a_narrow_terminal_gets_the_figures(tmp_path, width) -> None:
    """Names and throughputs are whole; where even they don't fit, the terminal breaks the lines."""
    text = print_rows(tmp_path, [*three_blocks(0, 2.0), *three_blocks(1, 1.0)], width)
    assert "…" not in text.split("All:")[0]
    assert "num_workers=1" in text
    assert "baseline" in text
    assert "memory" not in text


def test_common_values_are_named_once(tmp_path) -> None:
    """In one short line; knobs that were left as they are and knobs that vary are not in it."""
    text = print_rows(tmp_path, [*blocks(0, [1.0] * 3), *blocks(1, [2.0] * 3)])
    assert text.endswith(
        "All: synthetic:1000, cpu, batch_size=256, step=analytic, cross_entropy, num_threads=2\n"
    )


def test_a_knob_that_some_loaders_lack_names_those_that_have_it(tmp_path) -> None:
    """Or it would read as if a ring had workers."""
    rows = [
        *blocks(0, [1.0] * 3, knobs={"batch_size": "256", "num_workers": "4"}),
        *blocks(1, [2.0] * 3, family="tensor_slice", knobs={"batch_size": "256", "num_workers": ""}),
    ]
    assert ", batch_size=256, num_workers=4 (torch_dataloader), " in print_rows(tmp_path, rows)


def test_common_values_of_an_own_loader(tmp_path) -> None:
    """Its parameters are among them, and that it ran alone."""
    rows = []
    for number in (0, 1):
        knobs = {"batch_size": "8", "num_workers": str(number), "param.size": "128"}
        own = {"dataset": "train.py:make", "step": "none", "loss": None, "knobs": knobs}
        rows += blocks(number, [1.0] * 3, **own)
    assert print_rows(tmp_path, rows).endswith(
        "All: train.py:make, cpu, batch_size=8, param.size=128, step=none, num_threads=2\n"
    )
