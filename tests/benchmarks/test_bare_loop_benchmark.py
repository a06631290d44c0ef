"""The whole harness against a bare loop over the same DataLoader, in turn.

The bare loop is `bare_loop.py`, a script without this toolkit in a fresh interpreter. The harness runs a
trial as a sweep does: in a fresh process, watched by this one.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.plan.configuration import Configuration
from bench.process.forkserver import prepare_context
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from bench.validation.fixed_cost_loaders import CLASSES, read_random_split
from loaders.data.dataset_ref import DatasetRef
from loaders.families.torch_dataloader import TorchDataLoader
from tests.benchmarks import bare_loop

SAMPLES = 30_000
# The first epoch of each process is cold and doesn't count.
EPOCHS = 3
TURNS = 7
WIDTHS = (8, 9, 6, 6, 7, 10, 13, 7)
DATASET = DatasetRef(f"random:{SAMPLES}", "0" * 64, Path(), CLASSES, read_random_split)


@dataclass(frozen=True)
class SteadyEpochs:
    """The steady epochs of one process.

    Attributes:
        samples_per_s: samples a second.
        cpu_s: CPU seconds an epoch, of the training process and its workers.
        sweep_cpu_s: CPU seconds an epoch of the sweep's process, which watches them.
        disturbed: words for others that disturbed an epoch; empty for none.
    """

    samples_per_s: float
    cpu_s: float
    sweep_cpu_s: float = 0.0
    disturbed: str = ""


def run_bare(workers: int, step: str) -> SteadyEpochs:
    """Run the bare loop."""
    arguments = [str(SAMPLES), str(workers), step, str(EPOCHS)]
    command = [sys.executable, "-W", "ignore", bare_loop.__file__, *arguments]
    printed = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    walls_s, cpu_s = zip(*printed[1:], strict=True)
    return SteadyEpochs(SAMPLES / statistics.fmean(walls_s), statistics.fmean(cpu_s))


def run_harness(runner: TrialRunner, workers: int, step: str) -> SteadyEpochs:
    """Run the same epochs by the toolkit."""
    loss = None if step == "none" else "cross_entropy"
    spec = TorchDataLoader(num_workers=workers, batch_size=bare_loop.BATCH_SIZE).resolve()
    trial = Trial(Configuration(spec, "cpu", step, loss, 1), 0, 0, 0, 0, DATASET, EPOCHS, seed=0)
    began_s = time.process_time()
    rows = list(runner.run(trial))
    sweep_cpu_s = (time.process_time() - began_s) / EPOCHS
    assert [row.status for row in rows] == ["ok"] * EPOCHS, [row.error for row in rows]
    steady = rows[1:]
    return SteadyEpochs(
        SAMPLES / statistics.fmean(row.wall_s for row in steady),
        statistics.fmean(row.cpu_s for row in steady),
        sweep_cpu_s,
        "; ".join(sorted({row.disturbed for row in steady if row.disturbed})),
    )


@pytest.fixture(scope="module")
def runner(tmp_path_factory) -> TrialRunner:
    context = prepare_context([TorchDataLoader.__module__, read_random_split.__module__])
    log = tmp_path_factory.mktemp("bare_loop") / "log"
    return TrialRunner(context, TrialLimits(timeout_s=600), log, DATASET.read("train"))


@pytest.fixture(scope="module")
def lines(request) -> Iterator[list[str]]:
    """Print a table of all measurements at the end."""
    names = ("bare/s", "harness/s", "ratio", "lowest", "highest", "bare CPU s", "harness CPU s", "+ sweep")
    table = [f"workers step     {align(names)}"]
    yield table
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", *table, sep="\n")


def align(cells: Sequence[str]) -> str:
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))


def take_turns(runs: list[Callable[[], SteadyEpochs]], turns: int) -> Iterator[list[SteadyEpochs]]:
    """Yield the results of one turn after another; each of the runs is first in every second turn."""
    for turn in range(turns):
        order = range(len(runs)) if turn % 2 else reversed(range(len(runs)))
        results = {place: runs[place]() for place in order}
        yield [results[place] for place in range(len(runs))]


@pytest.mark.parametrize("step", ["none", "autograd"])
@pytest.mark.parametrize("workers", [0, 4, 16])
def test_against_a_bare_loop(benchmark, lines, runner, workers, step, turns) -> None:
    """Throughput of the harness over that of the bare loop: the median of the turns' ratios."""
    # The loader is repeated for the audit once in a sweep, which this is for.
    run_harness(runner, workers, step)
    runs = [lambda: run_bare(workers, step), lambda: run_harness(runner, workers, step)]
    bare, harness = zip(*take_turns(runs, turns), strict=True)
    ratios = [ours.samples_per_s / theirs.samples_per_s for theirs, ours in zip(bare, harness, strict=True)]
    rates = [statistics.median(epochs.samples_per_s for epochs in side) for side in (bare, harness)]
    cpu_s = [statistics.median(epochs.cpu_s for epochs in side) for side in (bare, harness)]
    sweep_cpu_s = statistics.median(epochs.sweep_cpu_s for epochs in harness)
    disturbed = [epochs.disturbed for epochs in harness if epochs.disturbed]
    ratio = statistics.median(ratios)
    cells = [f"{rate:,.0f}" for rate in rates]
    cells += [f"{value:.3f}" for value in (ratio, min(ratios), max(ratios), *cpu_s, sweep_cpu_s)]
    lines.append(
        f"{workers:>7} {step:<8} {align(cells)}   disturbed {len(disturbed)} of {turns} {disturbed[:1]}"
    )
    benchmark.extra_info.update(ratio=ratio, ratios=ratios, cpu_s=cpu_s, sweep_cpu_s=sweep_cpu_s)
    benchmark.pedantic(lambda: None, rounds=1)
