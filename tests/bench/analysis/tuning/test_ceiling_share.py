"""Tests of how much of the step's own throughput fresh blocks reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.tuning.ceiling_share import find_ceiling_share
from bench.records.results_folder import CEILINGS
from bench.records.runs_file import RunsFile
from tests.bench import runs


def write_ceilings(folder, rows) -> None:
    with RunsFile(folder / CEILINGS, rows[0].knobs) as file:
        for row in rows:
            file.write(row)


def test_share_is_that_of_the_fastest_step(tmp_path) -> None:
    runs.written(tmp_path, runs.blocks(1, [2.0, 2.0, 2.0]))
    slower = [replace(row, configuration=7) for row in runs.ceiling("step", [1.5, 1.5, 1.5])]
    write_ceilings(tmp_path, [*runs.ceiling("step", [1.0, 1.0, 1.0]), *slower])
    share = find_ceiling_share(tmp_path, 1, 1000, 3)
    assert share is not None
    assert share.median == pytest.approx(0.5)


def test_start_of_a_cut_epoch_weighs_as_little_as_in_a_whole_one(tmp_path) -> None:
    """Of 2 s, 1 s is the start of workers. The step alone takes the other one."""
    runs.written(tmp_path, runs.blocks(1, [2.0, 2.0, 2.0], late_s=0.5))
    write_ceilings(tmp_path, runs.ceiling("step", [1.0, 1.0, 1.0], late_s=0.5))
    shares = [find_ceiling_share(tmp_path, 1, samples, 3) for samples in (1000, 99_000, None)]
    assert [share.median for share in shares if share] == pytest.approx([0.5, 0.99, 1.0])


def test_without_a_step_there_is_no_share(tmp_path) -> None:
    assert find_ceiling_share(tmp_path / "none", 1, 1000, 3) is None
    runs.written(tmp_path, runs.blocks(1, [2.0, 2.0, 2.0]))
    assert find_ceiling_share(tmp_path, 1, 1000, 3) is None
    write_ceilings(tmp_path, runs.ceiling("read", [1.0, 1.0, 1.0]))
    assert find_ceiling_share(tmp_path, 1, 1000, 3) is None
