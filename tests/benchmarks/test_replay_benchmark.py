"""Predicted beside measured throughput of real DataLoaders whose batches take planned times."""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from bench.analysis.evidence import BlockEvidence, Evidence, LoaderSetup
from bench.analysis.replay.predictor import Predictor
from bench.analysis.replay.queue_replay import ReplayInput, replay_epoch
from bench.machine.cpu_checks import count_usable_cores
from bench.machine.interference import find_interference, read_counters
from bench.probes.loader_trace import trace_loader
from bench.trial.epoch_timings import EpochTimings
from bench.trial.measure import measure_epoch
from loaders.device.pipeline import Pipeline
from tests.bench import runs

BATCHES = 200
BATCH_SIZE = 2
LOAD_S = 0.008
STEP_S = 0.0015
PRESENT = {"num_workers": 2, "prefetch_factor": 2, "in_order": True}
TURNS = 3


@dataclass(frozen=True)
class Planned(Dataset):
    """Samples that take planned times, in seconds.

    Attributes:
        seconds: time of each sample.
        computes: whether it is spent on a core, or asleep.
    """

    seconds: tuple[float, ...]
    computes: bool

    def __len__(self) -> int:
        return len(self.seconds)

    def __getitem__(self, index: int) -> torch.Tensor:
        if self.computes:
            until = time.thread_time() + self.seconds[index]
            while time.thread_time() < until:
                pass
        else:
            time.sleep(self.seconds[index])
        return torch.zeros(256)


PLANS = {
    "even": lambda draw: np.full(BATCHES, LOAD_S),
    "variation 0.5": lambda draw: draw.gamma(4, LOAD_S / 4, BATCHES),
    "5% stragglers": lambda draw: np.where(draw.random(BATCHES) < 0.05, 5 * LOAD_S, LOAD_S),
}


def wait(batch) -> None:
    """Train for a planned time that takes no core."""
    time.sleep(STEP_S)


def make_loader(plan: str, computes: bool, **knobs) -> DataLoader:
    """Return a DataLoader of a plan."""
    load_s = PLANS[plan](np.random.default_rng(0))
    seconds = tuple(np.repeat(load_s / BATCH_SIZE, BATCH_SIZE).tolist())
    return DataLoader(Planned(seconds, computes), batch_size=BATCH_SIZE, **knobs)


def measure(loader: DataLoader, turns: int) -> list[EpochTimings]:
    """Measure epochs."""
    return [measure_epoch(Pipeline(loader), wait) for _ in range(turns)]


def make_row(loader: DataLoader, epoch: int):
    """Measure an epoch, and return its row."""
    before = read_counters()
    timings = measure(loader, 1)[0]
    interference = find_interference(before, read_counters())
    return runs.row(
        0, 0, epoch, family="own", step="1.5ms", samples=timings.samples, batches=timings.batches,
        wall_s=timings.wall_ns / 1e9, startup_s=timings.startup_ns / 1e9,
        time_to_first_batch_s=timings.time_to_first_batch_ns / 1e9, teardown_s=timings.teardown_ns / 1e9,
        cpu_s=None, other_cpu_share=interference.other_cpu_share,
    )  # fmt: skip


def gather_evidence(plan: str, computes: bool, turns: int) -> Evidence:
    """Measure and trace the present configuration."""
    present = make_loader(plan, computes, **PRESENT)
    whole = [make_row(present, epoch + 1) for epoch in range(turns)]
    loader = make_loader(plan, computes, **PRESENT)
    with trace_loader(loader) as trace:
        traces = [trace.collect(measure(loader, 1)[0], epoch) for epoch in range(turns)]
    setup = LoaderSetup(
        name="planned", family="own", step="1.5ms", device="cpu", cores=count_usable_cores(), num_threads=1,
        has_dataloader=True, batch_size=BATCH_SIZE, **PRESENT,
    )  # fmt: skip
    return Evidence(setup, (BlockEvidence(0, tuple(whole), (), tuple(traces)),))


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("computes", [False, True], ids=["asleep", "on a core"])
def test_predictions(capsys, plan, computes, turns) -> None:
    """Trace two workers, predict others, and measure these."""
    turns = min(turns, 3)
    predictor = Predictor(gather_evidence(plan, computes, turns))
    rows = predictor.evidence.blocks[0].whole
    present_s = statistics.mean(row.wall_s for row in rows)
    lines = [f"\n{plan}, {'on a core' if computes else 'asleep'}: replay error {predictor.error:+.1%}"]
    for workers, prefetch, in_order in itertools.product((1, 2, 4, 8), (2, 8), (True, False)):
        knobs = {"num_workers": workers, "prefetch_factor": prefetch, "in_order": in_order}
        ratio = predictor.replay_ratios(**knobs)[0]
        walls = [timings.wall_ns / 1e9 for timings in measure(make_loader(plan, computes, **knobs), turns)]
        predicted, measured = BATCHES / present_s * ratio, BATCHES / statistics.median(walls)
        lines.append(
            f"  {workers} workers, prefetch {prefetch}, {'in' if in_order else 'any'} order: predicted "
            f"{predicted:6.1f}, measured {measured:6.1f} batches/s ({predicted / measured - 1:+.1%})"
        )
    with capsys.disabled():
        print("\n".join(lines))


@pytest.mark.benchmark(group="a replay of 400 batches with 16 workers")
@pytest.mark.parametrize("cores", [4, 64])
def test_time_of_a_replay(benchmark, cores) -> None:
    """Replay an epoch whose workers share four cores, and one whose workers have a core each."""
    assert benchmark(replay_epoch, make_epoch(cores)).wall_s > 0


def make_epoch(cores: float) -> ReplayInput:
    """Return an epoch of 400 batches with 16 workers that compute."""
    load_s = np.random.default_rng(0).gamma(4, LOAD_S / 4, 400)
    return ReplayInput(
        load_s=load_s, cpu_s=0.8 * load_s, step_s=np.full(400, STEP_S), step_cores=1.0, hand_s=2e-4,
        num_workers=16, prefetch_factor=2, in_order=True, cores=cores,
    )  # fmt: skip
