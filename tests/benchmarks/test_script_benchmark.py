"""A script inside of a trial against the bare script, epoch by epoch in turn.

The bare script runs in a fresh interpreter and times its own loop. The trial runs it as a sweep does, with
the settings that it has, and times it from the inside. Both processes live side by side and take an epoch in
turn while the other one waits, since the speed of a shared machine drifts. Each turn has fresh processes and
counts as one value.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bench.analysis.statistics import estimate
from bench.plan.configuration import Configuration
from bench.process.forkserver import prepare_context
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from bench.workloads.script.script import Script
from bench.workloads.script.script_choice import ScriptChoice
from tests.bench.workloads.script.script_trials import MODULES, choose
from tests.benchmarks import paced_script

SCRIPT = Path(paced_script.__file__)
# The first epoch of each process is cold and doesn't count.
EPOCHS = 9
TURNS = 15


@contextmanager
def start_bare(*arguments: str) -> Iterator[Iterator[float]]:
    """Start the bare script, and run an epoch for each item that is taken; its seconds."""
    command = [sys.executable, "-W", "ignore", str(SCRIPT), "--wait", *arguments]

    def run(process: subprocess.Popen[str]) -> Iterator[float]:
        assert process.stdin
        assert process.stdout
        while True:
            print(file=process.stdin, flush=True)
            yield float(process.stdout.readline())

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield run(process)
        finally:
            process.kill()


@contextmanager
def start_trial(runner: TrialRunner, choice: ScriptChoice) -> Iterator[Iterator[float]]:
    """Start a trial of the script, and run an epoch for each item that is taken; its seconds."""
    spec = choice.offer.specs["dataloader"].resolve()
    trial = Trial(Configuration(spec, "cpu", "script", None, 1), 0, 0, 0, 0, choice.workload, EPOCHS, seed=0)
    with closing(runner.run(trial)) as rows:

        def run() -> Iterator[float]:
            for row in rows:
                assert row.status == "ok", row.error
                yield row.wall_s or 0.0

        yield run()


@pytest.mark.parametrize(("step_ms", "batches"), [("1", "400"), ("10", "100")])
def test_a_trial_against_the_bare_script(benchmark, request, tmp_path, step_ms, batches, turns) -> None:
    """The length of the trial's epochs over that of the bare script's: the median of the turns."""
    assert Script.__module__ in MODULES
    arguments = ["--step-ms", step_ms, "--batches", batches]
    choice = choose(SCRIPT.parent, SCRIPT.name, arguments)
    runner = TrialRunner(prepare_context(MODULES), TrialLimits(600), tmp_path / "trials.log")
    ratios = []
    for turn in range(turns):
        with start_bare(*arguments) as bare, start_trial(runner, choice) as trial:
            pairs = []
            for number in range(EPOCHS):
                first, second = (bare, trial) if (turn + number) % 2 else (trial, bare)
                walls = {id(side): next(side) for side in (first, second)}
                pairs.append((walls[id(bare)], walls[id(trial)]))
        ratios.append(statistics.median(ours / theirs for theirs, ours in pairs[1:]))
    ratio = estimate(ratios)
    assert ratio is not None
    interval = f"{ratio.low or 0:.4f} to {ratio.high or 0:.4f}"
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(
            f"\nstep of {step_ms} ms: a trial's epochs take {ratio.median:.4f} of the bare ones, {interval}"
        )
    benchmark.extra_info.update(ratio=ratio.median, ratios=ratios)
    benchmark.pedantic(lambda: None, rounds=1)
