"""Tests of common blocks: each holds the runs of both sides, in one shuffled order."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from bench.plan.grid import Machine, make_plan
from bench.plan.request import Request
from bench.plan.schedule import Schedule, schedule_runs
from bench.records.results_folder import read_runs
from bench.records.row import Row
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.blocks import BlockRunner
from bench.runner.revision.paired_trials import PairedTrials, SideProgress
from bench.runner.sweep_files import SweepFiles
from bench.trial.trial import Trial
from tests.fakes import numbered_workload

SIDES = ("old", "new")
CONFIGURATIONS = (0, 1)
BLOCKS = 4


@dataclass
class FakeRunner:
    """A runner that gives each trial of a side one row of one second, and notes the trial."""

    side: str
    ran: list[tuple[int, str, int, int]]
    change: Callable[[str, Trial], dict] = field(default=lambda side, trial: {})

    def run(self, trial: Trial) -> Iterator[Row]:
        self.ran.append((trial.block, self.side, trial.number, trial.attempt))
        row = replace(
            trial.make_row(epoch=1), samples=1000, batches=4, sample_shape="1", dtype="float32", wall_s=1.0,
            samples_per_s=1000.0, processes=1,
        )  # fmt: skip
        yield replace(row, **self.change(self.side, trial))


def run(folder: Path, *, seed: int = 0, budget_s: float | None = None, **runner):
    """Run all blocks of two sides; return their trials in order, and the policy."""
    plan = make_plan(Request(knobs={"num_workers": CONFIGURATIONS}), Machine(cuda=False, num_threads=2))
    schedule = Schedule(BLOCKS, 1, seed)
    runs = schedule_runs(plan, {}, 1)
    places = range(len(SIDES) * len(runs))
    progress = SweepProgress(
        Console(file=io.StringIO()), [str(place) for place in places], dict.fromkeys(places, 1.0), BLOCKS,
        budget_s,
    )  # fmt: skip
    ran, positions, sides = [], Counter(), []
    for place, side in enumerate(SIDES):
        (folder / side).mkdir()
        sides.append(
            BlockTrials(
                BlockDesign(plan, runs, schedule, numbered_workload()), SweepFiles(folder / side),
                runner=FakeRunner(side, ran, **runner), progress=SideProgress(progress, place * len(runs)),
                positions=positions,
            )
        )  # fmt: skip
    with PairedTrials(sides, schedule, progress) as trials:
        blocks = BlockRunner(trials)
        blocks.run()
    return ran, blocks


def test_each_block_holds_the_runs_of_both_sides_in_one_order(tmp_path) -> None:
    ran, _ = run(tmp_path)
    everything = {(side, number) for side in SIDES for number in CONFIGURATIONS}
    assert [block for block, *_ in ran] == sorted(block for block, *_ in ran)
    orders = [[(side, number) for b, side, number, _ in ran if b == block] for block in range(BLOCKS)]
    assert all(set(order) == everything and len(order) == len(everything) for order in orders)
    assert len(set(map(tuple, orders))) > 1
    # In some block a side's trials aren't next to each other.
    assert any([side for side, _ in order] != sorted(side for side, _ in order) for order in orders)


def test_each_side_has_its_rows_in_its_own_folder(tmp_path) -> None:
    """Positions are those in the common block."""
    ran, _ = run(tmp_path)
    tables = {side: read_runs(tmp_path / side) for side in SIDES}
    for side, runs in tables.items():
        found = list(
            zip(runs["block"], [side] * len(runs), runs["configuration"], runs["attempt"], strict=True)
        )
        assert found == [trial for trial in ran if trial[1] == side]
    for block in range(BLOCKS):
        positions = [p for runs in tables.values() for p in runs.loc[runs["block"] == block, "position"]]
        assert sorted(positions) == [0, 1, 2, 3]


def test_a_run_that_failed_on_one_side_goes_on_on_the_other(tmp_path) -> None:
    def fail(side: str, trial: Trial) -> dict:
        return {"status": "failed", "error": "boom"} if (side, trial.number) == ("new", 1) else {}

    ran, _ = run(tmp_path, change=fail)
    assert Counter((side, number) for _, side, number, _ in ran) == {
        ("old", 0): BLOCKS, ("old", 1): BLOCKS, ("new", 0): BLOCKS, ("new", 1): 1,
    }  # fmt: skip


def test_a_disturbed_trial_is_repeated_in_its_block(tmp_path) -> None:
    def disturb(side: str, trial: Trial) -> dict:
        return {"disturbed": "a neighbour"} if (side, trial.number, trial.block) == ("new", 0, 1) else {}

    ran, _ = run(tmp_path, change=disturb)
    assert [trial for trial in ran if trial[3]] == [(1, "new", 0, 1)]


def test_a_budget_counts_the_trials_of_both_sides(tmp_path) -> None:
    """The first block runs whatever it takes."""
    ran, blocks = run(tmp_path, budget_s=0.0)
    assert {block for block, *_ in ran} == {0}
    assert blocks.left_out == (BLOCKS - 1) * len(SIDES) * len(CONFIGURATIONS)
