"""Measuring of block groups: each version as a commit of a user's own, all in common blocks."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine.environment import describe_environment
from bench.plan.grid import Machine, make_plan
from bench.plan.request import Request
from bench.plan.schedule import Schedule, schedule_runs
from bench.plan.sweep_options import SweepOptions
from bench.process.forkserver import prepare_context
from bench.records import results_folder
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.blocks import BlockRunner
from bench.runner.revision.paired_trials import PairedTrials, SideProgress
from bench.runner.sweep_files import SweepFiles
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.validation.comparison.block_group import BlockGroup, Version
from bench.validation.own_case import FOLDER, OWN_MODULES
from bench.workloads.choice import OwnChoice, choose_workload

FILE = "compared.py"
LIMITS = TrialLimits(timeout_s=60.0)
# One cold epoch, and two that count.
EPOCHS = 3
# About how long a trial takes, for the display to begin with.
TRIAL_S = 0.8
# The loader as it is, without a step.
REQUEST = Request(step=("none",), num_threads=(1,), device=("cpu",), single=True)


@dataclass(frozen=True)
class GroupMeasuring:
    """Measuring of block groups, whose versions lie in folders as commits of a user's own.

    Attributes:
        choices: the loader of each version, by the names of loader and version.
        runners: runs the trials of each version.
        blocks: number of blocks of each group.
        root: folder that takes a folder of each group.
        environment: what environment.json says of the machine.
    """

    choices: Mapping[tuple[str, Version], OwnChoice]
    runners: Mapping[tuple[str, Version], TrialRunner]
    blocks: int
    root: Path
    environment: Mapping[str, Any]

    def measure(self, group: BlockGroup, observer: SweepObserver) -> None:
        """Measure all blocks of a group. Each version gets a results folder.

        Args:
            group: the group.
            observer: its console shows the trials.

        Raises:
            DataChangedError: a file of a version was written to.
            ProcessError: no process can be started.
            StorageError: a row can't be written.
        """
        labels = [f"{group.name} {version.name}" for version in group.versions]
        times_s = dict.fromkeys(range(len(labels)), TRIAL_S)
        progress = SweepProgress(observer.console, labels, times_s, self.blocks)
        positions = Counter[int]()
        sides = []
        for place, version in enumerate(group.versions):
            folder = self.root / group.name / version.name
            folder.mkdir(parents=True)
            design = self._make_design(group, version)
            dataset = {"name": design.workload.name, "sha256": design.workload.digest}
            results_folder.write_json(
                folder / results_folder.ENVIRONMENT, {**self.environment, "dataset": dataset}
            )
            sides.append(
                BlockTrials(
                    design,
                    SweepFiles(folder),
                    runner=self.runners[group.loader, version],
                    progress=SideProgress(progress, place),
                    positions=positions,
                )
            )
        # Each group has orders of its own.
        schedule = Schedule(self.blocks, EPOCHS, seed=group.number)
        with PairedTrials(sides, schedule, progress) as trials:
            BlockRunner(trials).run()

    def _make_design(self, group: BlockGroup, version: Version) -> BlockDesign:
        """Return the blocks of one version.

        Trials of all groups have the same seed, so that an audit has to repeat each loader once.
        """
        choice = self.choices[group.loader, version]
        plan = make_plan(REQUEST, Machine(cuda=False, num_threads=1), choice.offer)
        schedule = Schedule(self.blocks, EPOCHS, seed=0)
        return BlockDesign(plan, schedule_runs(plan, {}, EPOCHS), schedule, choice.workload)


def prepare_measuring(groups: Iterable[BlockGroup], blocks: int, root: Path, command: str) -> GroupMeasuring:
    """Write the folder of each version, and inspect its loaders as a comparison of commits does.

    Args:
        groups: the groups that will be measured.
        blocks: number of blocks of each.
        root: an empty folder.
        command: command line that measures them.

    Raises:
        TargetError: a loader can't be measured.
        ProcessError: no process can be started.
    """
    context = prepare_context(OWN_MODULES)
    needed = dict.fromkeys((group.loader, version) for group in groups for version in group.versions)
    choices = {}
    for loader, version in needed:
        start = root / "commits" / version.name
        if not start.exists():
            start.mkdir(parents=True)
            shutil.copy(FOLDER / FILE, start)
            (start / "commit.py").write_text(f"SLOWDOWN = {1 + version.slowdown}\n")
        order = SweepOptions(
            REQUEST, Schedule(blocks, EPOCHS, seed=0), target=f"{FILE}:{loader}", start=start
        )
        choice = choose_workload(order)
        assert isinstance(choice, OwnChoice)
        choices[loader, version] = choice
    log = root / results_folder.LOG
    runners = {key: TrialRunner(context, LIMITS, log) for key in choices}
    return GroupMeasuring(choices, runners, blocks, root, describe_environment("", "", command))
