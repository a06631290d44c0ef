"""The whole harness against a bare loop over the same DataLoader, epoch by epoch in turn.

The bare loop is `bare_loop.py`, a script without this toolkit in a fresh interpreter. The harness runs a
trial as a sweep does: in a fresh process, watched by this one. Both processes live side by side and take an
epoch in turn while the other one waits, since the speed of a shared machine drifts. Two processes of the same
program differ by more than the harness takes, so each turn has fresh ones and counts as one value.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.analysis.statistics import estimate
from bench.plan.configuration import Configuration
from bench.process.forkserver import prepare_context
from bench.records.row import Row
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from bench.validation.fixed_cost_loaders import CLASSES, read_random_split
from bench.workloads.fashion_mnist import FashionMnist
from loaders.data.dataset_ref import DatasetRef
from loaders.families.torch_dataloader import TorchDataLoader
from tests.benchmarks import bare_loop

SAMPLES = 30_000
# The first epoch of each process is cold and doesn't count.
EPOCHS = 5
TURNS = 9
NAMES = ("bare/s", "harness/s", "ratio", "low", "high", "least", "most", "CPU s", "CPU s", "sweep's")
WIDTHS = (8, 9, 6, 6, 6, 6, 6, 6, 6, 7)
WORKLOAD = FashionMnist(DatasetRef(f"random:{SAMPLES}", "0" * 64, Path(), CLASSES, read_random_split))


@dataclass(frozen=True)
class Epoch:
    """A measured epoch.

    Attributes:
        wall_s: its length in seconds.
        cpu_s: CPU seconds of the training process and its workers.
        sweep_cpu_s: CPU seconds of the sweep's process, which watches them and audits the epoch afterwards; 0
            for the bare loop.
        disturbed: words for others that disturbed it; empty for none.
    """

    wall_s: float
    cpu_s: float
    sweep_cpu_s: float = 0.0
    disturbed: str = ""


@contextmanager
def start_bare(workers: int, step: str) -> Iterator[Iterator[Epoch]]:
    """Start a bare loop, and run one epoch for each item that is taken."""
    command = [sys.executable, "-W", "ignore", bare_loop.__file__, str(SAMPLES), str(workers), step]

    def run(process: subprocess.Popen[str]) -> Iterator[Epoch]:
        assert process.stdin
        assert process.stdout
        while True:
            print(file=process.stdin, flush=True)
            yield Epoch(*json.loads(process.stdout.readline()))

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield run(process)


@contextmanager
def start_harness(runner: TrialRunner, workers: int, step: str) -> Iterator[Iterator[Epoch]]:
    """Start a trial of the same epochs, and run one epoch for each item that is taken."""
    loss = None if step == "none" else "cross_entropy"
    spec = TorchDataLoader(num_workers=workers, batch_size=bare_loop.BATCH_SIZE).resolve()
    trial = Trial(Configuration(spec, "cpu", step, loss, 1), 0, 0, 0, 0, WORKLOAD, EPOCHS, seed=0)

    def run(rows: Iterator[Row]) -> Iterator[Epoch]:
        while True:
            began_s = time.process_time()
            row = next(rows)
            assert row.status == "ok", row.error
            assert row.wall_s
            assert row.cpu_s
            yield Epoch(row.wall_s, row.cpu_s, time.process_time() - began_s, row.disturbed or "")

    with closing(runner.run(trial)) as rows:
        yield run(rows)


@pytest.fixture(scope="module")
def runner(tmp_path_factory) -> TrialRunner:
    context = prepare_context(
        [TorchDataLoader.__module__, *TorchDataLoader.late_modules, read_random_split.__module__]
    )
    log = tmp_path_factory.mktemp("bare_loop") / "log"
    return TrialRunner(context, TrialLimits(timeout_s=600), log)


@pytest.fixture(scope="module")
def lines(request) -> Iterator[list[str]]:
    """Print a table of all measurements at the end."""
    table = [f"workers step     {align(NAMES)}"]
    yield table
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", *table, sep="\n")


def align(cells: Sequence[str]) -> str:
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))


def take_turn(runner: TrialRunner, workers: int, step: str, turn: int) -> tuple[list[Epoch], list[Epoch]]:
    """Return the steady epochs of a bare loop and of the harness, which took them in turn."""
    with start_bare(workers, step) as bare, start_harness(runner, workers, step) as harness:
        epochs: tuple[list[Epoch], list[Epoch]] = ([], [])
        for number in range(EPOCHS):
            sides = (0, 1) if (turn + number) % 2 else (1, 0)
            for side in sides:
                epochs[side].append(next((bare, harness)[side]))
    return epochs[0][1:], epochs[1][1:]


def find_ratio(bare: Sequence[Epoch], harness: Sequence[Epoch]) -> float:
    """Return the harness's throughput over the bare loop's: the median of neighbouring epochs."""
    return statistics.median(theirs.wall_s / ours.wall_s for theirs, ours in zip(bare, harness, strict=True))


@pytest.mark.parametrize("step", ["none", "autograd"])
@pytest.mark.parametrize("workers", [0, 4, 16])
def test_against_a_bare_loop(benchmark, lines, runner, workers, step, turns) -> None:
    """Throughput of the harness over that of the bare loop: the median of the turns, with its interval."""
    found = [take_turn(runner, workers, step, turn) for turn in range(turns)]
    ratios = [find_ratio(bare, harness) for bare, harness in found]
    ratio = estimate(ratios)
    assert ratio is not None
    sides = [[epoch for turn in side for epoch in turn] for side in zip(*found, strict=True)]
    rates = [SAMPLES / statistics.median(epoch.wall_s for epoch in side) for side in sides]
    cpu_s = [statistics.median(epoch.cpu_s for epoch in side) for side in sides]
    sweep_cpu_s = statistics.median(epoch.sweep_cpu_s for epoch in sides[1])
    disturbed = [epoch.disturbed for epoch in sides[1] if epoch.disturbed]
    values = (ratio.median, ratio.low or 0, ratio.high or 0, min(ratios), max(ratios), *cpu_s, sweep_cpu_s)
    cells = [*(f"{rate:,.0f}" for rate in rates), *(f"{value:.3f}" for value in values)]
    notes = f"disturbed {len(disturbed)} of {len(sides[1])} {disturbed[:1]}"
    lines.append(f"{workers:>7} {step:<8} {align(cells)}   {notes}")
    benchmark.extra_info.update(ratio=ratio.median, ratios=ratios, cpu_s=cpu_s, sweep_cpu_s=sweep_cpu_s)
    benchmark.pedantic(lambda: None, rounds=1)
