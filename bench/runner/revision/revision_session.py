"""Revision session: measure two commits of a user's repository in common blocks."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.plan.revision_options import SIDES, RevisionOptions
from bench.process import interrupts
from bench.process.temporary_folder import make_folder_prefix
from bench.records import results_folder
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.progress.sweep_progress import SweepProgress
from bench.report.revision_opening import find_revision_notices, print_revisions
from bench.report.sweep.conclusion import SweepConclusion
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.revision.paired_trials import PairedTrials, SideProgress
from bench.runner.revision.revision_sides import RevisionRunner, RevisionSide, check_sides, prepare_side
from bench.runner.sweep_files import SweepFiles
from bench.runner.sweep_session import conclude_sweep, open_folder, run_blocks, start_server
from bench.trial.workload import Workload
from bench.workloads.revision.checkout import Checkout, open_checkout
from bench.workloads.revision.places import find_in_tree, use_relative_paths
from bench.workloads.revision.repository import Repository, Revision


@dataclass(frozen=True)
class RevisionConclusion:
    """The end of measuring two commits.

    Attributes:
        folder: results folder, which holds those of both sides.
        revisions: the commits, the old one first.
        sides: end of each side, the old one first.
    """

    folder: Path
    revisions: tuple[Revision, Revision]
    sides: tuple[SweepConclusion, SweepConclusion]

    @property
    def interrupted(self) -> bool:
        """True if the user ended it."""
        return self.sides[0].outcome.interrupted

    @property
    def problems(self) -> list[Exception]:
        """Errors that ended the measuring or kept a file from being written."""
        return [problem for side in self.sides for problem in side.problems]


def measure_revisions(options: RevisionOptions, observer: SweepObserver) -> RevisionConclusion:
    """Measure two commits of the repository that the current folder lies in, in common blocks.

    The working tree, the index and the branches stay as they are.

    Args:
        options: order to carry out.
        observer: is told of what happens.

    Raises:
        RevisionError: a commit can't be checked out or measured.
        TargetError: the target can't be measured in one of them.
        PlanError: nothing that was asked for can be measured in one of them, or in both.
        DataError: data can't be had.
        ResultsError: the folder can't take the results.
        ProcessError: no process can be started.
        StorageError: a file can't be written.
    """
    folder = results_folder.name_folder(options.order.out, options.order.name)
    results_folder.check_folder(folder)
    repository = Repository.find(Path.cwd())
    order = use_relative_paths(options.order, repository)
    with _open_checkouts(options, repository) as checkouts:
        for text in find_revision_notices(repository, checkouts):
            observer.notice(text)
        sides = [
            prepare_side(name, checkout, order, folder)
            for name, checkout in zip(SIDES, checkouts, strict=True)
        ]
        check_sides(sides)
        return _measure(sides, folder, observer)


@contextmanager
def _open_checkouts(options: RevisionOptions, repository: Repository) -> Iterator[list[Checkout]]:
    """Check out both commits beside each other, in a temporary folder."""
    revisions = [repository.resolve(text) for text in options.revisions]
    links = find_in_tree(options.links, repository)
    repository.forget_lost_checkouts()
    with ExitStack() as opened:
        made = opened.enter_context(
            tempfile.TemporaryDirectory(prefix=make_folder_prefix(), ignore_cleanup_errors=True)
        )
        # Modules that are found through a link would bear other paths.
        place = Path(os.path.realpath(made))
        yield [
            opened.enter_context(open_checkout(repository, revision, place / name, links))
            for name, revision in zip(SIDES, revisions, strict=True)
        ]


def _measure(sides: Sequence[RevisionSide], folder: Path, observer: SweepObserver) -> RevisionConclusion:
    """Measure both sides into their folders, and write what a sweep writes there."""
    with ExitStack() as opened:
        workloads = _open_folders(sides, observer, opened)
        progress = _make_progress(sides, workloads, observer)
        print_revisions(observer.console, [side.checkout for side in sides], sides[0].sweep)
        trials = []
        first, positions = 0, Counter[int]()
        for side, workload in zip(sides, workloads, strict=True):
            trials.append(
                BlockTrials(
                    BlockDesign(side.sweep.plan, side.sweep.runs, side.sweep.options.schedule, workload),
                    SweepFiles(side.sweep.folder),
                    runner=RevisionRunner(start_server(side.sweep, workload), side),
                    progress=SideProgress(progress, first),
                    positions=positions,
                )
            )
            first += len(side.sweep.runs)
        opened.enter_context(interrupts.hold())
        outcome = run_blocks(PairedTrials(trials, trials[0].schedule, progress))
        old, new = (
            conclude_sweep(SweepConclusion(side.sweep, workload, outcome), SweepObserver())
            for side, workload in zip(sides, workloads, strict=True)
        )
    revisions = (sides[0].checkout.revision, sides[1].checkout.revision)
    return RevisionConclusion(folder, revisions, (old, new))


def _open_folders(
    sides: Sequence[RevisionSide], observer: SweepObserver, opened: ExitStack
) -> list[Workload]:
    """Open the results folder of each side, and record in both that they have common blocks.

    Args:
        sides: the sides.
        observer: is told of what happens, once where both sides say the same.
        opened: keeps the folders open.

    Returns:
        Workload of each side.
    """
    blocks_id = uuid.uuid4().hex
    workloads = []
    for place, side in enumerate(sides):
        # The machine is the same one for both.
        told = SweepObserver() if place else observer
        with side.checkout.use_modules():
            workload, _ = opened.enter_context(open_folder(side.sweep, side.choice, told))
        workloads.append(workload)
        path = side.sweep.folder / results_folder.ENVIRONMENT
        revision = side.checkout.revision
        record = {
            "id": blocks_id,
            "side": side.name,
            "revision": revision.text,
            "commit": revision.commit,
            "configurations": side.configurations,
        }
        environment = results_folder.read_environment(side.sweep.folder)
        results_folder.write_json(path, {**environment, "common_blocks": record})
        for text in told.notices:
            if text not in observer.notices:
                observer.notice(text)
    return workloads


def _make_progress(
    sides: Sequence[RevisionSide], workloads: Sequence[Workload], observer: SweepObserver
) -> SweepProgress:
    """Return the progress of both sides' trials."""
    estimates_s = [
        seconds
        for side, workload in zip(sides, workloads, strict=True)
        for seconds in side.sweep.estimate_runs_s(workload.samples or side.choice.expected_samples)
    ]
    options = sides[0].sweep.options
    return SweepProgress(
        observer.console,
        [
            f"{side.name}: {side.name_configurations()[run.number]}"
            for side in sides
            for run in side.sweep.runs
        ],
        dict(enumerate(estimates_s)),
        options.schedule.blocks,
        options.budget_s,
    )
