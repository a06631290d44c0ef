"""BlockTrials: trials in the order that any policy wants."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.plan.schedule import Schedule, schedule_runs
from bench.records.results_folder import read_runs
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.sweep_files import SweepFiles
from tests.bench.runner.test_blocks import PLAN, FakeRunner, cut
from tests.fakes import numbered_workload


def open_trials(runner: FakeRunner, folder: Path, *, resumed: bool = False) -> BlockTrials:
    """Return the trials of three configurations, of which no block is planned."""
    schedule = Schedule(blocks=0, epochs=1, seed=0)
    runs = schedule_runs(PLAN, {}, schedule.epochs)
    progress = SweepProgress(Console(file=io.StringIO()), ["a", "b", "c"], dict.fromkeys(range(3), 1.0), 0)
    design = BlockDesign(PLAN, runs, schedule, numbered_workload())
    return BlockTrials(design, SweepFiles(folder, resumed=resumed), runner=runner, progress=progress)


def alternate(trials: BlockTrials, places: tuple[int, int], enough_s: float) -> int:
    """Run two configurations in turn until each has run so long; return the number of blocks."""
    for block in range(100):
        for place in places if block % 2 else reversed(places):
            trials.progress.add([place])
            for _ in trials.run_trial(place, block):
                pass
        runs = trials.read_runs()
        if (runs.groupby("configuration")["wall_s"].sum() >= enough_s).all() or trials.failed:
            break
    return block + 1


def test_a_policy_of_its_own_chooses_trials_by_their_rows(tmp_path) -> None:
    """It alternates two of three configurations until a condition on their rows holds."""
    runner = FakeRunner(lambda trial: {"wall_s": 2.0 if trial.number == 0 else 1.0})
    with open_trials(runner, tmp_path) as trials:
        assert alternate(trials, (0, 2), enough_s=4) == 4
    assert [number for _, number, _, _ in runner.ran] == [2, 0, 0, 2, 2, 0, 0, 2]
    assert read_runs(tmp_path)["position"].tolist() == [0, 1] * 4


def test_a_policy_of_its_own_is_resumed(tmp_path) -> None:
    """It chooses by the rows on file, so it goes on where it was, and runs only what is missing."""
    runner = FakeRunner()
    with open_trials(runner, tmp_path) as trials:
        alternate(trials, (0, 1), enough_s=5)
    everything = (tmp_path / "runs.csv").read_text()
    cut(tmp_path, 3)
    rest = FakeRunner()
    with open_trials(rest, tmp_path, resumed=True) as trials:
        alternate(trials, (0, 1), enough_s=5)
    assert rest.ran == runner.ran[3:]
    assert (tmp_path / "runs.csv").read_text() == everything


def test_a_row_is_on_disk_when_it_is_yielded(tmp_path) -> None:
    """A trial may be ended before its last epoch."""

    class ThreeEpochs(FakeRunner):
        ended = 0

        def run(self, trial):
            (row,) = super().run(trial)
            try:
                yield from (replace(row, epoch=epoch) for epoch in range(3))
            finally:
                self.ended += 1

    runner = ThreeEpochs()
    with open_trials(runner, tmp_path) as trials:
        rows = trials.run_trial(0, block=0)
        assert runner.ran == []
        for epoch in range(2):
            assert next(rows).epoch == epoch
            assert len(read_runs(tmp_path)) == epoch + 1
        rows.close()
        assert runner.ended == 1
        assert len(trials.read_runs()) == 2


def test_a_failure_and_a_disturbance_are_told(tmp_path) -> None:
    """A failed run is in `failed`; a disturbed one asks for its repetition, unless it failed."""
    changes = {
        0: {"status": "failed", "error": "boom", "disturbed": "noise"}, 1: {"disturbed": "noise"}, 2: {}
    }  # fmt: skip
    with open_trials(FakeRunner(lambda trial: changes[trial.number]), tmp_path) as trials:
        statuses = [[row.status for row in trials.run_trial(place, block=0)] for place in range(3)]
        assert statuses == [["failed"], ["ok"], ["ok"]]
        assert trials.failed == {0}
        assert [trials.needs_repetition(place, block=0) for place in range(3)] == [False, True, False]
        assert not trials.needs_repetition(1, block=1)
