"""SweepResults: the tables of a results folder, and their summary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from typing_extensions import Self

from bench.analysis.answer import Answer, find_answers
from bench.analysis.summary import summarise
from bench.records import results_folder

BAD = ("failed", "timeout")


@dataclass(frozen=True)
class SweepResults:
    """The tables of a results folder, and their summary.

    Attributes:
        folder: the results folder.
        runs: rows of runs.csv.
        ceilings: rows of ceilings.csv; None without that file.
        summary: one line for each configuration.
        notices: facts of data and loaders to know before reading figures; default none.
    """

    folder: Path
    runs: pd.DataFrame
    ceilings: pd.DataFrame | None
    summary: pd.DataFrame
    notices: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the tables of a folder; None where nothing was measured.

        Raises:
            ResultsError: A table can't be read.
        """
        if not results_folder.has_header(folder, results_folder.RUNS):
            return None
        runs = results_folder.read_runs(folder)
        if runs.empty:
            return None
        ceilings = results_folder.read_ceilings(folder)
        return cls(folder, runs, ceilings, summarise(runs, ceilings, results_folder.read_device(folder)))

    @property
    def answers(self) -> list[Answer]:
        """The configuration to use for each kind of work, the baseline's kind first."""
        return find_answers(self.summary)

    @property
    def answer(self) -> Answer | None:
        """The configuration to use for the work of the baseline; None where nothing could be ranked."""
        return next(iter(self.answers), None)

    @property
    def has_failures(self) -> bool:
        """True if any trial failed or took too long, of a configuration or of a ceiling."""
        tables = [self.runs] if self.ceilings is None else [self.runs, self.ceilings]
        return any(bool(table["status"].isin(BAD).any()) for table in tables)
