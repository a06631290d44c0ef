"""Runs scripts as a sweep does: once to inspect them, then in trials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.plan.ceiling_loaders import OwnStepCeiling
from bench.plan.configuration import Configuration
from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.plan.sweep_options import SweepOptions
from bench.process.forkserver import prepare_context
from bench.records.row import Row
from bench.runner.explanation.probe_runner import ProbeRunner
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.probe import Kind, Probe
from bench.trial.trial import Trial
from bench.workloads.script.script import Script
from bench.workloads.script.script_choice import ScriptChoice, choose_script
from bench.workloads.script.script_file import SCRIPT_STEP
from bench.workloads.script.script_inspection import ScriptLook

MODULES = (Script.__module__, ScriptLook.__module__)


def make_options(folder: Path, script: str, **others) -> SweepOptions:
    """Return the options of a sweep of a script in a folder."""
    values = {
        "request": Request(step=(SCRIPT_STEP,)),
        "schedule": Schedule(1, 2, 0, steady_s=0.1),
        "dataset": "auto",
        "data_dir": folder,
        "mirror": None,
        "budget_s": None,
        "timeout_s": 120,
        "memory_limit": None,
        "out": folder / "results",
        "name": "test",
        "dry_run": False,
        "target": script,
    }
    return SweepOptions(**{**values, **others})


def choose(folder: Path, script: str, arguments: Sequence[str] = (), **others) -> ScriptChoice:
    """Run a script once and return what a sweep would vary."""
    return choose_script(make_options(folder, script, script_args=tuple(arguments), **others), folder)


def run(
    choice: ScriptChoice,
    folder: Path,
    epochs: int = 2,
    *,
    ceiling: bool = False,
    steady_s: float = 0.0,
    **knobs,
) -> list[Row]:
    """Run a trial with these knobs, and return its rows."""
    spec = choice.offer.specs["dataloader"].with_knobs(knobs).resolve()
    if ceiling:
        spec = OwnStepCeiling.below(spec, most_bytes=1 << 20)
    configuration = Configuration(spec, "cpu", SCRIPT_STEP, None, 1)
    trial = Trial(
        configuration, 0, 0, 0, 0, choice.workload, epochs, seed=0, audited=not ceiling, steady_s=steady_s
    )
    runner = TrialRunner(prepare_context(MODULES), TrialLimits(120), folder / "trials.log")
    return list(runner.run(trial))


def probe(choice: ScriptChoice, folder: Path, kind: Kind, epochs: int = 2, **knobs) -> list[Any]:
    """Run a probe with these knobs, and return the traces or the rungs that it sends."""
    spec = choice.offer.specs["dataloader"].with_knobs(knobs).resolve()
    configuration = Configuration(spec, "cpu", SCRIPT_STEP, None, 1)
    wanted = Probe(kind, configuration, choice.workload, block=0, seed=0, epochs=epochs, limit_s=0.2)
    runner = ProbeRunner(prepare_context(MODULES), TrialLimits(120), folder / "trials.log")
    return runner.run(wanted)
