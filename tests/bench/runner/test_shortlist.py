"""A quick sweep ends with its budget: what it leaves out, and what it keeps. Nothing is measured."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.plan.ceilings import find_ceilings
from bench.plan.grid import Machine, make_plan
from bench.plan.request import Request
from bench.plan.schedule import Schedule, schedule_runs
from bench.records.row import Row
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.blocks import BlockRunner
from bench.runner.sweep_files import SweepFiles
from bench.runner.trial_limits import TrialLimits
from bench.trial.trial import Trial
from tests.fakes import numbered_workload

# What `python -m bench.sweep` plans on a machine with a GPU and 16 cores.
PLAN = make_plan(Request(), Machine(cuda=True, num_threads=16, cores=16))
BASELINE, RESIDENT, SLICE, GRAPHED = 0, 5, 7, 6
CEILINGS = 2
BUDGET_S = 95.0


@dataclass
class Clock:
    """The time that trials take; nothing else takes any."""

    now_s: float = 0.0


@dataclass
class TimedRunner:
    """A runner whose trials take a known time, more of it once for each loader."""

    clock: Clock
    trial_s: Callable[[Trial], float]
    once_s: float = 0.0
    first_s: float = 0.0
    limits: TrialLimits = field(default_factory=lambda: TrialLimits(300.0))
    ran: list[tuple[str, int, int]] = field(default_factory=list)
    timeouts_s: list[float] = field(default_factory=list)

    def run(self, trial: Trial) -> Iterator[Row]:
        self.ran.append((trial.configuration.spec.family, trial.number, trial.block))
        self.timeouts_s.append(self.limits.timeout_s)
        self.once_s = self.first_s if trial.block == 0 and trial.audited else 0.0
        seconds = self.trial_s(trial) + self.once_s
        late = seconds > self.limits.timeout_s
        self.clock.now_s += min(seconds, self.limits.timeout_s)
        row = replace(
            trial.make_row(epoch=0), samples=1000, batches=4, sample_shape="1x28x28", dtype="float32",
            wall_s=1.0, samples_per_s=1000.0, processes=1,
        )  # fmt: skip
        if late:
            yield replace(row, status="timeout", error="late")
            return
        for epoch in range(trial.epochs):
            yield replace(row, epoch=epoch)
        if trial.has_device_pass:
            yield replace(row, timed_by="events")

    def blocks_of(self, number: int) -> list[int]:
        """Return the blocks in which a configuration ran."""
        return sorted(b for f, n, b in self.ran if n == number and not f.endswith("_ceiling"))


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", lambda: clock.now_s)
    return clock


def make_trials(
    folder: Path,
    runner: TimedRunner,
    *,
    seed: int = 0,
    budget_s: float | None = BUDGET_S,
    resumed: bool = False,
) -> BlockTrials:
    schedule = Schedule(blocks=3, epochs=2, seed=seed)
    runs = schedule_runs(PLAN, find_ceilings(PLAN), schedule.epochs)
    estimates_s = {place: run.configuration.estimate_s(60_000, 2) for place, run in enumerate(runs)}
    progress = SweepProgress(
        Console(file=io.StringIO()), [str(run.number) for run in runs], estimates_s, schedule.blocks, budget_s
    )
    design = BlockDesign(PLAN, runs, schedule, numbered_workload())
    return BlockTrials(design, SweepFiles(folder, resumed=resumed), runner=runner, progress=progress)


def sweep(folder: Path, runner: TimedRunner, **more: Any) -> BlockRunner:
    with make_trials(folder, runner, **more) as trials:
        blocks = BlockRunner(trials)
        blocks.run()
    return blocks


def test_a_fast_machine_measures_all_in_three_blocks(tmp_path, clock) -> None:
    """Ten runs of two seconds, and two more for a loader's first one, leave nothing out."""
    runner = TimedRunner(clock, lambda _: 2.0, first_s=2.0)
    blocks = sweep(tmp_path, runner)
    assert all(runner.blocks_of(number) == [0, 1, 2] for number in range(8))
    assert (blocks.unmeasured, blocks.left_out) == ([], 0)
    assert clock.now_s <= BUDGET_S


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_start_of_cuda_leaves_out_the_least_important(tmp_path, clock, seed) -> None:
    """What is measured has all three blocks. The baseline and the fastest two families are among it."""
    runner = TimedRunner(clock, lambda _: 4.0, first_s=4.0)
    blocks = sweep(tmp_path, runner, seed=seed)
    measured = [number for number in range(8) if runner.blocks_of(number)]
    assert {BASELINE, RESIDENT, SLICE} <= set(measured)
    assert all(runner.blocks_of(number) == [0, 1, 2] for number in measured)
    assert blocks.unmeasured == [number for number in range(8) if number not in measured]
    assert GRAPHED in blocks.unmeasured
    assert blocks.left_out == 0
    assert clock.now_s <= BUDGET_S


def test_a_ceiling_goes_with_the_configurations_below_it(tmp_path, clock) -> None:
    """Where the graphs are left out, so is the step in graphs."""
    runner = TimedRunner(clock, lambda _: 4.0, first_s=4.0)
    sweep(tmp_path, runner)
    ceilings = {number for family, number, _ in runner.ran if family == "step_ceiling"}
    assert len(ceilings) == 1
    (tmp_path / "all").mkdir()
    runner = TimedRunner(clock, lambda _: 1.0)
    sweep(tmp_path / "all", runner)
    assert len({number for family, number, _ in runner.ran if family == "step_ceiling"}) == CEILINGS


@pytest.mark.parametrize("trial_s", [8.0, 20.0, 40.0])
def test_a_very_slow_machine_ends_in_time_too(tmp_path, clock, trial_s) -> None:
    """Not even the first block is whole then. The baseline is measured first."""
    runner = TimedRunner(clock, lambda _: trial_s, first_s=trial_s / 2)
    blocks = sweep(tmp_path, runner)
    assert runner.blocks_of(BASELINE)[:1] == [0]
    assert clock.now_s <= BUDGET_S
    assert blocks.unmeasured
    measured = [number for number in range(8) if runner.blocks_of(number)]
    assert sorted([*measured, *blocks.unmeasured]) == list(range(8))


@pytest.mark.parametrize("hanging", [BASELINE, RESIDENT, 2])
def test_a_trial_that_hangs_ends_with_the_budget(tmp_path, clock, hanging) -> None:
    """It has half of the time that is left, so others have the rest."""
    runner = TimedRunner(clock, lambda trial: 1e6 if trial.number == hanging and trial.audited else 1.0)
    sweep(tmp_path, runner)
    assert clock.now_s <= BUDGET_S
    assert max(runner.timeouts_s) <= BUDGET_S / 2
    assert runner.blocks_of(hanging) == [0]
    others = [number for number in (BASELINE, RESIDENT, SLICE) if number != hanging]
    assert all(runner.blocks_of(number) for number in others)


def test_a_trial_that_has_ended_before_has_all_of_the_time_left(tmp_path, clock) -> None:
    """It fits into it, and half of it would cost the configuration its rank."""
    runner = TimedRunner(clock, lambda _: 12.0)
    with make_trials(tmp_path, runner, budget_s=34.0) as trials:
        for block in range(2):
            assert trials.fits(BASELINE, block=block)
            assert {row.status for row in trials.run_trial(BASELINE, block)} == {"ok"}
    assert runner.timeouts_s == [17.0, 22.0]
    assert not trials.failed


def test_without_a_budget_all_is_measured(tmp_path, clock) -> None:
    """`--preset quick --blocks 3` has all the time."""
    runner = TimedRunner(clock, lambda _: 60.0)
    blocks = sweep(tmp_path, runner, budget_s=None)
    assert all(runner.blocks_of(number) == [0, 1, 2] for number in range(8))
    assert set(runner.timeouts_s) == {300.0}
    assert blocks.unmeasured == []


def test_a_resumed_sweep_measures_the_rest(tmp_path, clock) -> None:
    """The budget starts anew, and trials on file take none of it."""
    sweep(tmp_path, TimedRunner(clock, lambda _: 4.0, first_s=4.0))
    clock.now_s = 0.0
    runner = TimedRunner(clock, lambda _: 4.0, first_s=4.0)
    blocks = sweep(tmp_path, runner, resumed=True)
    assert runner.blocks_of(BASELINE) == []
    assert Counter(runner.blocks_of(GRAPHED)) == {0: 1, 1: 1, 2: 1}
    assert blocks.unmeasured == []
