"""SweepFiles: the files that hold the rows of a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from bench.plan.ceilings import list_ceiling_knobs
from bench.plan.schedule import ScheduledRun
from bench.records import results_folder
from bench.records.row import Row
from bench.records.runs_file import RunsFile
from bench.runner.block_design import BlockDesign
from bench.runner.resume import CompletedTrial, CompletedTrials
from bench.trial.trial import Trial


class SweepFiles:
    """The files of one sweep, and the trials that they held when the sweep was resumed.

    Rows of configurations go to `runs.csv`, rows of ceilings to `ceilings.csv`, and epochs that were timed on
    the GPU to `device.csv`.
    """

    def __init__(self, folder: Path, *, resumed: bool = False, differences: str | None = None) -> None:
        """Read the files that are there, if the sweep is resumed.

        Args:
            folder: the sweep's folder.
            resumed: whether to go on with the files of an earlier process.
            differences: changes of the environment since then, for the column `resumed_with`.
        """
        self.folder = folder
        self._resumed = resumed
        self._differences = differences
        self._files: dict[str, RunsFile] = {}
        names = (results_folder.RUNS, results_folder.CEILINGS, results_folder.DEVICE)
        self._completed = {
            name: CompletedTrials.read(folder, name) if resumed else CompletedTrials() for name in names
        }

    @contextmanager
    def open(self, design: BlockDesign) -> Iterator[None]:
        """Keep the files open that a design needs."""
        knobs = {results_folder.RUNS: design.plan.knobs()}
        if ceilings := [run.configuration for run in design.runs if run.bounds is not None]:
            knobs[results_folder.CEILINGS] = list_ceiling_knobs(ceilings)
        if any(run.configuration.device == "cuda" for run in design.runs):
            knobs[results_folder.DEVICE] = design.plan.knobs()
        with ExitStack() as opened:
            self._files = {
                name: opened.enter_context(self._open(name, columns)) for name, columns in knobs.items()
            }
            yield

    def _open(self, name: str, knobs: list[str]) -> RunsFile:
        path = self.folder / name
        begun = self._resumed and results_folder.has_header(self.folder, name)
        if self._resumed and not begun:
            # A sweep that was killed at that moment made the file and wrote nothing.
            path.unlink(missing_ok=True)
        return RunsFile(path, knobs, resumed=begun)

    def write(self, run: ScheduledRun, row: Row) -> None:
        """Write a row of a run; it is on disk when this returns."""
        name = results_folder.DEVICE if row.timed_by == "events" else _name_file(run)
        self._files[name].write(replace(row, resumed_with=self._differences))

    def find_completed(self, run: ScheduledRun, trial: Trial) -> CompletedTrial | None:
        """Return the epochs of a run's trial that an earlier process measured; None for none."""
        return self._completed[_name_file(run)].find(trial)

    def is_whole(self, run: ScheduledRun, trial: Trial) -> bool:
        """Return whether an earlier process measured all of a run's trial, also on the GPU."""
        completed = self.find_completed(run, trial)
        if completed is None or not completed.is_whole(trial):
            return False
        if completed.ended_badly or not trial.has_device_pass:
            return True
        return self._completed[results_folder.DEVICE].find(trial) is not None

    def has_unavailable(self, number: int) -> bool:
        """Return whether a row says already that this configuration can't be measured."""
        return number in self._completed[results_folder.RUNS].unavailable


def _name_file(run: ScheduledRun) -> str:
    return results_folder.RUNS if run.bounds is None else results_folder.CEILINGS
