"""Tests of the files of a sweep: the file of each row, and the trials on file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.plan.ceilings import find_ceilings
from bench.plan.configuration import Configuration
from bench.plan.plan import Plan
from bench.plan.schedule import Schedule, schedule_runs
from bench.records.results_folder import read_device, read_runs
from bench.runner.block_design import BlockDesign
from bench.runner.sweep_files import SweepFiles
from loaders.families.batched_dataloader import BatchedDataLoader
from tests.fakes import numbered_workload


def make_design(device: str = "cpu") -> BlockDesign:
    spec = BatchedDataLoader(batch_size=64).resolve(cuda=device == "cuda")
    plan = Plan((Configuration(spec, device, "analytic", "cross_entropy", 1),), (0,), (), {})
    schedule = Schedule(blocks=2, epochs=1, seed=0)
    return BlockDesign(plan, schedule_runs(plan, find_ceilings(plan), 1), schedule, numbered_workload())


def write_epoch(files: SweepFiles, design: BlockDesign, **changes) -> None:
    (run, *_) = design.runs
    row = design.make_trial(run, block=0).make_row(epoch=0)
    with files.open(design):
        files.write(run, replace(row, wall_s=1.0, **changes))


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_files_are_made_for_the_runs_there_are(tmp_path) -> None:
    design = make_design()
    with SweepFiles(tmp_path).open(replace(design, runs=design.runs[:1])):
        assert names_in(tmp_path) == {"runs.csv"}


def test_a_gpu_has_a_file_of_its_own(tmp_path) -> None:
    with SweepFiles(tmp_path).open(make_design("cuda")):
        assert names_in(tmp_path) == {"runs.csv", "ceilings.csv", "device.csv"}


def test_epochs_timed_on_the_gpu_go_to_its_file(tmp_path) -> None:
    write_epoch(SweepFiles(tmp_path), make_design("cuda"), timed_by="events")
    assert read_runs(tmp_path).empty
    assert list(read_device(tmp_path)["timed_by"]) == ["events"]


def test_a_trial_is_whole_with_its_epoch_on_the_gpu(tmp_path) -> None:
    """Block 0 times one more epoch on the GPU, and without it the trial runs again."""
    design = make_design("cuda")
    (run, *_) = design.runs
    trial = design.make_trial(run, block=0)
    write_epoch(SweepFiles(tmp_path), design)
    files = SweepFiles(tmp_path, resumed=True)
    assert files.find_completed(run, trial).walls_ns == {0: 10**9}
    assert not files.is_whole(run, trial)
    write_epoch(files, design, timed_by="events")
    assert SweepFiles(tmp_path, resumed=True).is_whole(run, trial)


@pytest.mark.parametrize(("status", "whole"), [("ok", True), ("failed", True)])
def test_a_trial_on_file_is_whole(tmp_path, status, whole) -> None:
    design = make_design()
    (run, *_) = design.runs
    write_epoch(SweepFiles(tmp_path), design, status=status)
    files = SweepFiles(tmp_path, resumed=True)
    assert files.is_whole(run, design.make_trial(run, block=0)) is whole
    assert not files.is_whole(run, design.make_trial(run, block=1))


def test_a_new_sweep_has_no_trials_on_file(tmp_path) -> None:
    design = make_design()
    (run, *_) = design.runs
    write_epoch(SweepFiles(tmp_path), design)
    assert SweepFiles(tmp_path).find_completed(run, design.make_trial(run, block=0)) is None
