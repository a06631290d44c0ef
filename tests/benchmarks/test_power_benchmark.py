"""Benchmark of the verdict's power: ten sweeps of two loaders, one of which does 5% more work."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pytest
from rich.console import Console

from bench.analysis.summary import summarise
from bench.analysis.verdict import reach_verdict
from bench.cli.option_groups import PRECISION_BUDGET_S
from bench.plan.grid import Machine, make_plan
from bench.plan.request import Request
from bench.plan.schedule import Schedule, schedule_runs
from bench.process.forkserver import prepare_context
from bench.records.results_folder import read_runs
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.blocks import BlockRunner
from bench.runner.sweep_files import SweepFiles
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.workloads.fashion_mnist import FashionMnist
from loaders.data.batch import Batch
from loaders.data.dataset_choice import locate
from loaders.data.image_split import ImageSplit
from loaders.families.batched_dataloader import BatchedDataLoader

TRIES = 10
PRECISION = 0.02
EPOCHS = 6


@dataclass(frozen=True)
class Slowed(BatchedDataLoader):
    """A loader that makes one batch of every 20 twice, which is 5% more work of the same kind."""

    family = "slowed"

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return the loader that makes batches twice."""
        return _Slowed(super().build(source, shuffle=shuffle, seed=seed))


@dataclass(frozen=True)
class _Slowed:
    loader: Iterable[Batch]

    def __iter__(self) -> Iterator[Batch]:
        fetch = self.loader.dataset.__getitems__
        older: list[list[int]] = []
        for indices in self.loader.batch_sampler:
            older.append(indices)
            if len(older) == 20:
                # The latest batch would still lie in the caches.
                fetch(older[0])
                older.clear()
            yield fetch(indices)


@dataclass(frozen=True)
class Plain(Slowed):
    """A loader with the loop of `Slowed` and none of its additional work."""

    family = "plain"

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return the loader that makes each batch once."""
        return _Plain(BatchedDataLoader.build(self, source, shuffle=shuffle, seed=seed))


@dataclass(frozen=True)
class _Plain(_Slowed):
    def __iter__(self) -> Iterator[Batch]:
        fetch = self.loader.dataset.__getitems__
        for indices in self.loader.batch_sampler:
            yield fetch(indices)


@pytest.mark.parametrize("attempt", range(TRIES))
def test_a_planted_difference(benchmark, capsys, tmp_path, attempt) -> None:
    """Sweep the loaders alone on one thread with `--precision 2%`, and print the verdict."""
    if attempt and not benchmark.enabled:
        pytest.skip("one try shows that the code runs")
    workload = FashionMnist(locate("synthetic:60000", tmp_path / "data", notify=print))
    plan = make_plan(
        Request(aa_pairs=1, family=("batched_dataloader",), step=("none",), num_threads=(1,)), CPU
    )
    one = plan.configurations[0]
    plan = replace(
        plan,
        configurations=(replace(one, spec=Plain(num_workers=0)), replace(one, spec=Slowed(num_workers=0))),
    )
    precision = PRECISION if benchmark.enabled else None
    schedule = Schedule(blocks=3, epochs=EPOCHS, seed=attempt, precision=precision)
    runs = schedule_runs(plan, {}, schedule.epochs)
    trials = BlockTrials(
        BlockDesign(plan, runs, schedule, workload), SweepFiles(tmp_path),
        runner=TrialRunner(prepare_context([__name__]), TrialLimits(300), tmp_path / "log"),
        progress=SweepProgress(
            Console(file=io.StringIO()), ["plain", "slowed"], {0: 1.0, 1: 1.0}, 3, PRECISION_BUDGET_S
        ),
    )  # fmt: skip
    with trials:
        benchmark.pedantic(BlockRunner(trials).run, rounds=1)
    summary = summarise(read_runs(tmp_path))
    slowed = summary[summary["family"] == "slowed"].iloc[0]
    found = reach_verdict(summary)
    say = "found" if found.kind == "fastest" and found.best == 0 else f"NOT found ({found.kind})"
    with capsys.disabled():
        print(
            f"\ntry {attempt + 1}: the slowed loader at {slowed['ratio']:.3f} of the plain one "
            f"({slowed['ratio_low']:.3f} to {slowed['ratio_high']:.3f}, {slowed['blocks']} blocks, "
            f"{slowed['disturbed_blocks']} disturbed): {say}"
        )


CPU = Machine(cuda=False, num_threads=1)
