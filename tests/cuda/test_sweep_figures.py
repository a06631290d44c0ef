"""Figures of a part that is a sweep."""

from __future__ import annotations

from tests.bench import runs
from tests.cuda.sweep_figures import describe_sweep


def test_the_fastest_come_first(tmp_path) -> None:
    """With the knobs that tell them apart."""
    rows = [row for number in range(7) for row in runs.blocks(number, [1e-3 / (number + 1)] * 3)]
    runs.written(tmp_path / "results", rows)
    lines = describe_sweep(tmp_path)
    assert lines[0].startswith("7.00M samples/s: ")
    assert lines[4].startswith("3.00M samples/s: ")
    assert lines[5:] == ["and 2 slower ones"]


def test_a_sweep_that_measured_nothing_has_none(tmp_path) -> None:
    """Its folder may be there already."""
    assert describe_sweep(tmp_path) == []
    (tmp_path / "results").mkdir()
    assert describe_sweep(tmp_path) == []
