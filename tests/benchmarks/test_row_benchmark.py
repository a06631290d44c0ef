"""Benchmarks of a row: making its cells, and writing it to the disk."""

from __future__ import annotations

import pytest

from bench.records.runs_file import RunsFile
from tests.bench import runs


@pytest.mark.benchmark(group="a row")
def test_cells(benchmark) -> None:
    """Make the cells of a row."""
    assert benchmark(runs.row().cells)["samples"] == "1000"


@pytest.mark.benchmark(group="a row")
def test_write(benchmark, tmp_path) -> None:
    """Write, flush and fsync a row, as happens between two epochs outside the clock."""
    row = runs.row()
    with RunsFile(tmp_path / "runs.csv", row.knobs) as file:
        benchmark.pedantic(file.write, args=(row,), rounds=50)
    # With --benchmark-disable it is written once.
    assert (tmp_path / "runs.csv").read_text().count("\n") == (51 if benchmark.enabled else 2)
