"""Past: what a sweep that is resumed has measured already, trial by trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.trial.epoch_row import SECONDS_PER_NS
from bench.trial.trial import Trial


@dataclass(frozen=True)
class CompletedTrial:
    """The epochs of one trial that are on file.

    walls_ns: how long those lasted that went well, by their numbers. ended_badly: whether another one didn't.
    """

    walls_ns: Mapping[int, int]
    ended_badly: bool
    disturbed: bool

    def is_whole(self, trial: Trial) -> bool:
        """Whether nothing of the trial is missing."""
        return self.ended_badly or trial.is_done(list(self.walls_ns.values()))


@dataclass(frozen=True)
class CompletedTrials:
    """The trials of one file, by configuration, block and attempt.

    unavailable: the configurations of which it says that they can't be measured.
    """

    trials: Mapping[tuple[int, int, int], CompletedTrial] = field(default_factory=dict)
    unavailable: frozenset[int] = frozenset()

    @classmethod
    def of(cls, folder: Path, name: str) -> CompletedTrials:
        """What that file of the folder holds; nothing where there is none yet."""
        if not results_folder.has_header(folder, name):
            return cls()
        runs = results_folder.read_runs(folder, name)
        unavailable = runs["status"] == "unavailable"
        trials = runs[~unavailable].groupby(["configuration", "block", "attempt"])
        if runs[~unavailable][["configuration", "block", "attempt", "epoch"]].isna().any(axis=None):
            raise ResultsError(f"{folder / name} has rows that don't say of which epoch they are")
        if runs.loc[runs["status"] == "ok", "wall_s"].isna().any():
            raise ResultsError(f"{folder / name} has epochs that don't say how long they took")
        return cls(
            {
                (int(configuration), int(block), int(attempt)): _past_trial(rows)
                for (configuration, block, attempt), rows in trials
            },
            frozenset(runs[unavailable]["configuration"].astype(int)),
        )

    def find(self, trial: Trial) -> CompletedTrial | None:
        """What is on file of that trial; None for nothing."""
        return self.trials.get((trial.number, trial.block, trial.attempt))


def _past_trial(rows: pd.DataFrame) -> CompletedTrial:
    ok = rows[rows["status"] == "ok"].sort_values("epoch")
    return CompletedTrial(
        walls_ns={
            int(epoch): round(wall_s / SECONDS_PER_NS)
            for epoch, wall_s in zip(ok["epoch"], ok["wall_s"], strict=True)
        },
        ended_badly=len(ok) < len(rows),
        disturbed=bool((rows["disturbed"] != "").any()),
    )
