"""A sweep of a user's own loader with a step: its ceiling, its files and what is printed."""

from __future__ import annotations

import json
from pathlib import Path

from bench.records.results_folder import read_ceilings, read_runs
from bench.report.sweep.sweep_results import SweepResults

PROJECT = Path(__file__).parent / "workloads" / "own" / "own_project.py"


def test_the_step_alone_is_measured_beside_the_loader(sweep_here, tmp_path) -> None:
    """Epochs end after three batches, for the ceiling too, and the memory for its batches is told."""
    folder = tmp_path / "own"
    options = ("--num-workers", "0", "--num-threads", "1", "--blocks", "1", "--epochs", "2")
    code, out, err = sweep_here(
        f"{PROJECT}:loader", "--step", f"{PROJECT}:make_step", "--batches", "3", *options,
        "--out", str(folder),
    )  # fmt: skip
    assert code == 0, out + err
    runs, ceilings = read_runs(folder), read_ceilings(folder)
    assert set(runs["samples"]) == set(ceilings["samples"]) == {12}
    assert set(runs["batches"]) == set(ceilings["batches"]) == {3}
    assert set(ceilings["family"]) == {"step_ceiling"}
    assert list(ceilings.columns)[5:8] == ["device", "batch_size", "num_threads"]
    assert set(ceilings["batch_size"]) == {"4"}
    assert set(ceilings["data_wait_s"] < ceilings["wall_s"]) == {True}
    results = SweepResults.read(folder)
    assert results.summary["ceiling"].tolist() == ["step"]
    assert results.summary["possible_ratio"].notna().all()
    most = json.loads((folder / "environment.json").read_text())["sweep"]["captured_bytes_at_most"]
    assert 0 < most <= 256 << 20
    assert "The ceiling is your step alone on batches that are in memory already" in out
    assert "captured 3 of 3 batches, 240 bytes in memory" in (folder / "trials.log").read_text()
