"""WholeGrid: the configurations that a tuning chooses from, measured block by block in whole epochs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bench.analysis.throughputs import Throughputs, compute_throughputs
from bench.plan.plan import plan_against_first
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.schedule import schedule_runs
from bench.plan.tune_options import TuneOptions
from bench.process import interrupts
from bench.process.running_clock import read_running_s
from bench.process.temporary_folder import make_folder_prefix
from bench.records import results_folder
from bench.records.errors import StorageError
from bench.report.progress.sweep_observer import SweepObserver
from bench.runner.epoch_cut import CutError
from bench.runner.explanation.explained_setup import KnownChoice
from bench.runner.sweep_session import open_folder, open_sweep, run_blocks, start_server
from bench.runner.tuning.exhaustive import EXPECTED_SAMPLES, sweep_whole_grid
from bench.runner.tuning.search import Search
from bench.runner.tuning.tune_session import prepare_tuning
from bench.validation.tuning.real_tuning import NotTunedError
from bench.workloads.choice import choose_workload


@dataclass
class WholeGrid:
    """The configurations that a tuning chooses from, all or some, measured block by block.

    Its folder is that of a sweep, which each block goes on with. Other trials may run between two blocks.

    Attributes:
        sweep: the configurations as a sweep of one block.
        choice: what they train, with whole epochs.
        blocks: number of blocks that were measured.
        seconds: time that these blocks took.
        part_s: time that blocks took which were begun and not completed.
    """

    sweep: PreparedSweep
    choice: KnownChoice
    blocks: int = 0
    seconds: float = 0.0
    part_s: float = 0.0

    @cached_property
    def numbers(self) -> Mapping[frozenset[tuple[str, str]], int]:
        """Number of each configuration by its cells."""
        plan = self.sweep.plan
        return {frozenset(one.cells().items()): n for n, one in enumerate(plan.configurations)}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the configurations; the present one comes first."""
        return self.sweep.names

    @property
    def block_s(self) -> float:
        """About how long a block takes, in seconds."""
        return sum(self.sweep.estimate_runs_s(self.choice.expected_samples))

    def find_number(self, cells: Mapping[str, str]) -> int | None:
        """Return the number of the configuration with these settings; None where the grid lacks it.

        Args:
            cells: settings as the results write them.
        """
        return self.numbers.get(frozenset(cells.items()))

    def measure(self, blocks: int = 1) -> None:
        """Measure every configuration once more in each of some blocks, each in an order of its own.

        Blocks that were begun are completed.

        Args:
            blocks: number of further blocks; default 1.

        Raises:
            KeyboardInterrupt: the user has ended it. What was measured is on disk.
            NotTunedError: the data changed meanwhile.
            The errors of `open_sweep`.
        """
        options = self.sweep.options
        schedule = replace(options.schedule, blocks=self.blocks + blocks)
        folder = self.sweep.folder
        # A commit made meanwhile marks rows, and must not end it.
        resume = folder if (folder / results_folder.ENVIRONMENT).exists() else None
        options = replace(options, schedule=schedule, resume=resume, resume_anyway=resume is not None)
        sweep = replace(self.sweep, options=options)
        with open_sweep(sweep, self.choice, SweepObserver()) as trials, interrupts.hold():
            began_s = read_running_s()
            outcome = run_blocks(trials)
            self.part_s += read_running_s() - began_s
        if isinstance(outcome.problem, StorageError):
            raise outcome.problem
        if outcome.problem is not None:
            raise NotTunedError(str(outcome.problem))
        if outcome.interrupted:
            raise KeyboardInterrupt
        self.blocks += blocks
        self.seconds, self.part_s = self.seconds + self.part_s, 0.0

    def choose(self, numbers: Sequence[int], folder: Path) -> WholeGrid:
        """Return a grid of some of the configurations, of which nothing is measured yet.

        Args:
            numbers: their numbers, which they don't keep.
            folder: its folder.
        """
        plan = plan_against_first(self.sweep.plan.configurations[number] for number in numbers)
        runs = tuple(schedule_runs(plan, {}, self.sweep.options.schedule.epochs))
        names = tuple(self.names[number] for number in numbers)
        return WholeGrid(replace(self.sweep, plan=plan, names=names, runs=runs, folder=folder), self.choice)

    def read_speeds(self) -> Throughputs:
        """Read the samples per second of each block, by configuration; none before the first trial.

        Raises:
            ResultsError: the rows can't be read.
        """
        folder = self.sweep.folder
        if not results_folder.has_header(folder, results_folder.RUNS):
            return {}
        return compute_throughputs(results_folder.read_runs(folder))


def prepare_grid(options: TuneOptions, observer: SweepObserver) -> WholeGrid:
    """Find the configurations that a tuning chooses from, by short trials of the present one.

    Args:
        options: order of the tuning. Its folder is that of the grid, which may have been measured in part.
        observer: takes notices.

    Raises:
        NotTunedError: the present configuration can't be measured.
        PlanError: the request names what doesn't exist, or there is nothing to choose from.
        TargetError: the target can't be measured.
        DataError: the data can't be had.
        ResultsError: the folder can't take a sweep.
        ProcessError: no process can be started.
        StorageError: a file can't be written.
    """
    folder = results_folder.name_folder(options.order.out, options.order.name)
    choice = choose_workload(options.order)
    with tempfile.TemporaryDirectory(prefix=make_folder_prefix()) as made:
        looked = replace(options, order=replace(options.order, out=Path(made) / "look"))
        seen = prepare_tuning(looked, choice.offer)
        with open_folder(seen, choice, observer) as (workload, _):
            search = Search(looked, seen, choice.offer, start_server(seen, workload))
            try:
                _, look = search.look(workload)
            except CutError as error:
                raise NotTunedError(str(error)) from error
            plan = plan_against_first(search.make_space(workload, look).configurations)
    sweep = replace(seen, options=replace(seen.options, out=folder), folder=folder)
    whole = sweep_whole_grid(sweep, plan, blocks=1)
    return WholeGrid(whole, KnownChoice(workload, choice.offer, workload.samples or EXPECTED_SAMPLES))
