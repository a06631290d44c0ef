"""What a row costs: filling it in, and getting it onto the disk."""

from __future__ import annotations

import pytest

from bench.records.runs_file import RunsFile
from tests.bench import runs


@pytest.mark.benchmark(group="a row")
def test_cells(benchmark) -> None:
    """From a Row to its cells."""
    assert benchmark(runs.row().cells)["samples"] == "1000"


@pytest.mark.benchmark(group="a row")
def test_write(benchmark, tmp_path) -> None:
    """Written, flushed and on the disk (fsync), between two epochs and outside the clock."""
    row = runs.row()
    with RunsFile(tmp_path / "runs.csv", row.knobs) as file:
        benchmark.pedantic(file.write, args=(row,), rounds=50)
    assert (tmp_path / "runs.csv").read_text().count("\n") == 51
