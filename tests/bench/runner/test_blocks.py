"""Tests of the blocks: their trials and repetitions, with a runner that measures nothing."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.plan.ceilings import find_ceilings
from bench.plan.grid import Machine, make_plan
from bench.plan.plan import Plan
from bench.plan.request import Request
from bench.plan.schedule import Schedule, schedule_runs
from bench.process import running_clock
from bench.records.errors import ResultsError
from bench.records.results_folder import read_ceilings, read_runs
from bench.records.row import Row
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.blocks import BlockRunner
from bench.runner.sweep_files import SweepFiles
from bench.trial.trial import Trial
from tests.fakes import numbered_workload

PLAN = make_plan(Request(knobs={"num_workers": (0, 1, 2)}), Machine(cuda=False, num_threads=2))


@dataclass
class FakeRunner:
    """A runner that gives each trial one row of one second, changed by `change`, and notes the trial."""

    change: Callable[[Trial], dict] = lambda trial: {}
    ran: list[tuple[str, int, int, int]] = field(default_factory=list)

    def run(self, trial: Trial) -> Iterator[Row]:
        family = trial.configuration.spec.family
        self.ran.append((family, trial.number, trial.block, trial.attempt))
        row = replace(
            trial.make_row(epoch=1), samples=1000, batches=4, sample_shape="1x28x28", dtype="float32",
            wall_s=1.0, samples_per_s=1000.0, processes=1,
        )  # fmt: skip
        yield replace(row, **self.change(trial))

    def loaders(self, block: int | None = None) -> list[int]:
        return [n for f, n, b, _ in self.ran if f == "torch_dataloader" and block in (None, b)]


def run(
    runner: FakeRunner, folder: Path, plan: Plan = PLAN, *, budget_s=None, bounds=None, resumed=False,
    differences=None, **schedule,
) -> BlockRunner:  # fmt: skip
    schedule = Schedule(**{"blocks": 3, "epochs": 1, "seed": 0, **schedule})
    runs = schedule_runs(plan, find_ceilings(plan) if bounds is None else bounds, schedule.epochs)
    progress = SweepProgress(
        Console(file=io.StringIO()), [str(one.number) for one in runs], dict.fromkeys(range(len(runs)), 1.0),
        schedule.blocks, budget_s,
    )  # fmt: skip
    files = SweepFiles(folder, resumed=resumed, differences=differences)
    design = BlockDesign(plan, runs, schedule, numbered_workload())
    with BlockTrials(design, files, runner=runner, progress=progress) as trials:
        blocks = BlockRunner(trials)
        blocks.run()
    return blocks


def test_each_block_holds_everything_once(tmp_path) -> None:
    """Each block has an order of its own, which the seed decides."""
    orders = []
    for seed in (0, 0, 1):
        runner = FakeRunner()
        (tmp_path / f"{len(orders)}").mkdir()
        run(runner, tmp_path / f"{len(orders)}", seed=seed)
        blocks = [[(f, n) for f, n, b, _ in runner.ran if b == block] for block in range(3)]
        everything = {("torch_dataloader", n) for n in range(3)} | {("read_ceiling", 0), ("step_ceiling", 1)}
        assert all(set(block) == everything and len(block) == 5 for block in blocks)
        orders.append(blocks)
    assert orders[0] == orders[1] != orders[2]
    assert orders[0][0] != orders[0][1]


def test_ceilings_have_a_file_of_their_own(tmp_path) -> None:
    run(FakeRunner(), tmp_path)
    assert set(read_runs(tmp_path)["family"]) == {"torch_dataloader"}
    assert set(read_ceilings(tmp_path)["family"]) == {"read_ceiling", "step_ceiling"}


def test_without_ceilings_there_is_no_such_file(tmp_path) -> None:
    """An A/A check has none."""
    run(FakeRunner(), tmp_path, bounds={})
    assert read_ceilings(tmp_path) is None


def test_a_disturbed_trial_is_run_once_more_at_the_end_of_its_block(tmp_path) -> None:
    """The repetition stands in the same block, and both trials are kept."""
    runner = FakeRunner(
        lambda trial: {"disturbed": "a neighbour" if (trial.number, trial.block) == (1, 0) else None}
    )
    run(runner, tmp_path, bounds={})
    assert runner.loaders(block=0)[-1] == 1
    assert Counter(runner.loaders(block=0)) == {0: 1, 1: 2, 2: 1}
    assert Counter(runner.loaders(block=1)) == {0: 1, 1: 1, 2: 1}
    runs = read_runs(tmp_path)
    of_both = runs[(runs["configuration"] == 1) & (runs["block"] == 0)]
    assert of_both["attempt"].tolist() == [0, 1]
    assert of_both["disturbed"].tolist() == ["a neighbour", "a neighbour"]
    assert of_both["position"].nunique() == 2


@pytest.mark.parametrize("status", ["failed", "timeout"])
def test_a_failed_configuration_is_not_run_again(tmp_path, status) -> None:
    """The others have all their blocks."""
    runner = FakeRunner(lambda trial: {"status": status} if trial.number == 2 else {})
    run(runner, tmp_path, bounds={})
    assert Counter(runner.loaders()) == {0: 3, 1: 3, 2: 1}


def test_time_lost_to_a_failure_is_not_counted(tmp_path, monkeypatch) -> None:
    """A loader that hangs for a minute leaves the others as many blocks as they would have had."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def takes(trial: Trial) -> dict:
        now[0] += 60 if trial.number == 2 else 1
        return {"status": "timeout"} if trial.number == 2 else {}

    runner = FakeRunner(takes)
    blocks = run(runner, tmp_path, bounds={}, budget_s=10)
    assert Counter(runner.loaders()) == {0: 3, 1: 3, 2: 1}
    assert blocks.left_out == 0


def test_a_pause_of_the_sweep_is_not_counted(tmp_path, monkeypatch) -> None:
    """A stop of an hour takes nothing from the budget, and doesn't change the estimate of a trial's time."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(running_clock, "_pauses", [])

    def takes(trial: Trial) -> dict:
        with running_clock.notice_pause(1.0):
            now[0] += 3601.0 if (trial.number, trial.block) == (1, 0) else 1.0
        return {}

    runner = FakeRunner(takes)
    blocks = run(runner, tmp_path, bounds={}, budget_s=10)
    assert Counter(runner.loaders()) == {0: 3, 1: 3, 2: 3}
    assert (blocks.left_out, blocks.rest_s) == (0, 0)


def test_the_budget_leaves_trials_out(tmp_path, monkeypatch) -> None:
    """The first block is whole. After it, no trial begins that would end too late."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def takes(trial: Trial) -> dict:
        now[0] += 2
        return {}

    blocks = run(FakeRunner(takes), tmp_path, bounds={}, budget_s=9)
    assert Counter(read_runs(tmp_path)["block"]) == {0: 3, 1: 1}
    assert blocks.left_out == 5
    # Each takes the two seconds of those that ran.
    assert blocks.rest_s == 10


def test_a_block_that_cannot_be_whole_begins_with_the_baseline(tmp_path, monkeypatch) -> None:
    """Without the baseline, no other trial of the block could be compared."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def takes(trial: Trial) -> dict:
        now[0] += 2
        return {}

    for seed in range(5):
        (tmp_path / str(seed)).mkdir()
        runner = FakeRunner(takes)
        run(runner, tmp_path / str(seed), bounds={}, budget_s=11, seed=seed)
        assert sorted(runner.loaders(block=0)) == [0, 1, 2]
        assert runner.loaders(block=1)[0] == 0
        assert len(runner.loaders(block=1)) == 2


def by_speed(wall_s: dict[int, float], spread: float) -> Callable[[Trial], dict]:
    """Give each configuration its seconds an epoch, with a spread between blocks."""

    def change(trial: Trial) -> dict:
        seconds = wall_s.get(trial.number, 1.0) * (
            1 + spread * ((trial.block * 7 + trial.number * 3) % 5 - 2)
        )
        return {"wall_s": seconds, "samples_per_s": 1000 / seconds}

    return change


def test_a_precision_goes_on_with_the_contenders(tmp_path) -> None:
    """A clearly slower configuration has the planned blocks, the others more, with their ceilings."""
    runner = FakeRunner(by_speed({0: 1.0, 1: 1.0, 2: 3.0}, spread=0.01))
    blocks = run(runner, tmp_path, precision=0.05)
    counts = Counter(runner.loaders())
    assert counts[2] == 3
    assert counts[0] == counts[1] >= 8
    assert blocks.imprecise == []
    last = max(block for _, _, block, _ in runner.ran)
    assert {f for f, _, block, _ in runner.ran if block == last} == {
        "torch_dataloader", "read_ceiling", "step_ceiling"
    }  # fmt: skip


def test_the_configurations_without_the_precision_are_named(tmp_path, monkeypatch) -> None:
    """The budget ends the extra blocks."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    jitter = by_speed({}, spread=0.2)

    def takes(trial: Trial) -> dict:
        now[0] += 1
        return jitter(trial)

    blocks = run(FakeRunner(takes), tmp_path, bounds={}, precision=0.001, budget_s=40)
    assert set(blocks.imprecise) >= {0, 1}
    assert blocks.left_out == 0
    assert 35 <= now[0] <= 40


def test_an_unavailable_configuration_is_a_row_and_no_trial(tmp_path) -> None:
    """The row holds the reason."""
    request = Request(knobs={"num_workers": (0,)}, device=("cpu", "cuda"))
    plan = make_plan(request, Machine(cuda=False, num_threads=2))
    runner = FakeRunner()
    run(runner, tmp_path, plan)
    assert set(runner.loaders()) == {0}
    runs = read_runs(tmp_path).set_index("configuration")
    assert runs.loc[1, "status"] == "unavailable"
    assert "no CUDA device" in runs.loc[1, "error"]


def cut(folder: Path, lines: int, name: str = "runs.csv") -> None:
    """Leave so many rows, as a sweep does that is killed after them."""
    text = (folder / name).read_text().splitlines(keepends=True)
    (folder / name).write_text("".join(text[: lines + 1]))


@pytest.mark.parametrize("left", range(10))
def test_a_resumed_sweep_runs_the_missing_trials(tmp_path, left) -> None:
    """The missing trials run in the order that they would have had."""
    whole, rest = FakeRunner(), FakeRunner()
    run(whole, tmp_path, bounds={})
    everything = (tmp_path / "runs.csv").read_text()
    cut(tmp_path, left)
    run(rest, tmp_path, bounds={}, resumed=True)
    assert whole.ran[left:] == rest.ran
    assert (tmp_path / "runs.csv").read_text() == everything


def test_a_broken_trial_is_run_again_for_its_missing_epochs(tmp_path) -> None:
    """Epochs on file stay, and later ones come from another process."""

    class TwoEpochs(FakeRunner):
        def run(self, trial: Trial) -> Iterator[Row]:
            (row,) = super().run(trial)
            yield from (replace(row, epoch=epoch) for epoch in range(2))

    run(TwoEpochs(), tmp_path, bounds={}, epochs=2)
    everything = (tmp_path / "runs.csv").read_text()
    cut(tmp_path, 3)
    runner = TwoEpochs()
    run(runner, tmp_path, bounds={}, epochs=2, resumed=True)
    assert len(runner.ran) == 8
    assert (tmp_path / "runs.csv").read_text() == everything


def test_a_failure_on_file_is_a_failure(tmp_path) -> None:
    """The configuration is run neither in that block nor in later ones."""

    def fails(trial: Trial) -> dict:
        return {"status": "failed", "error": "boom"} if trial.number == 1 else {}

    run(FakeRunner(fails), tmp_path, bounds={})
    everything = (tmp_path / "runs.csv").read_text()
    cut(tmp_path, 3)
    runner = FakeRunner(fails)
    run(runner, tmp_path, bounds={}, resumed=True)
    assert 1 not in runner.loaders()
    assert (tmp_path / "runs.csv").read_text() == everything


def test_a_disturbed_trial_is_repeated_when_resumed(tmp_path) -> None:
    """A repetition on file is not run again."""

    def disturbed(trial: Trial) -> dict:
        return {"disturbed": "noise"} if trial.number == 0 and trial.block == 0 else {}

    run(FakeRunner(disturbed), tmp_path, bounds={})
    everything = (tmp_path / "runs.csv").read_text()
    for left in (3, 4, 6):
        cut(tmp_path, left)
        runner = FakeRunner(disturbed)
        run(runner, tmp_path, bounds={}, resumed=True)
        assert (("torch_dataloader", 0, 0, 1) in runner.ran) == (left == 3)
        assert (tmp_path / "runs.csv").read_text() == everything


def test_blocks_for_precision_are_resumed(tmp_path, monkeypatch) -> None:
    """The contenders of a block that was broken off are the same, by the rows before it."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    speeds = {0: 1.0, 1: 1.02, 2: 3.0}

    def noisy(trial: Trial) -> dict:
        now[0] += 1
        wall_s = speeds[trial.number] * (1 + 0.05 * ((7 * trial.block + trial.number) % 5))
        return {"wall_s": wall_s, "samples_per_s": 1000 / wall_s}

    run(FakeRunner(noisy), tmp_path, bounds={}, budget_s=40.0, precision=0.01)
    everything = (tmp_path / "runs.csv").read_text()
    assert everything.count("\n") > 12
    cut(tmp_path, 12)
    run(FakeRunner(noisy), tmp_path, bounds={}, budget_s=40.0, precision=0.01, resumed=True)
    assert (tmp_path / "runs.csv").read_text().startswith(everything)


def test_ceilings_are_resumed_too(tmp_path) -> None:
    """A file without a header is made anew."""
    run(FakeRunner(), tmp_path)
    both = [(tmp_path / name).read_text() for name in ("runs.csv", "ceilings.csv")]
    cut(tmp_path, 4)
    cut(tmp_path, 2, "ceilings.csv")
    run(FakeRunner(), tmp_path, resumed=True)
    assert [(tmp_path / name).read_text() for name in ("runs.csv", "ceilings.csv")] == both
    for name in ("runs.csv", "ceilings.csv"):
        (tmp_path / name).write_text("sche")
    run(FakeRunner(), tmp_path, resumed=True)
    assert [(tmp_path / name).read_text() for name in ("runs.csv", "ceilings.csv")] == both


def test_rows_tell_the_differences_they_were_resumed_with(tmp_path) -> None:
    """Rows from before the resumption have an empty cell."""
    run(FakeRunner(), tmp_path, bounds={})
    cut(tmp_path, 4)
    run(FakeRunner(), tmp_path, bounds={}, resumed=True, differences="torch 2.6, now 2.7")
    assert list(read_runs(tmp_path)["resumed_with"]) == [""] * 4 + ["torch 2.6, now 2.7"] * 5


def test_a_new_sweep_takes_no_file_that_is_there(tmp_path) -> None:
    run(FakeRunner(), tmp_path, bounds={})
    before = (tmp_path / "runs.csv").read_text()
    with pytest.raises(ResultsError, match="was just made by another sweep"):
        run(FakeRunner(), tmp_path, bounds={})
    assert (tmp_path / "runs.csv").read_text() == before
