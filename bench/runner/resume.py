"""Resume: which trials of a broken-off sweep are on file, and whether it can go on here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.trial.epoch_row import SECONDS_PER_NS
from bench.trial.trial import Trial

# Facts that must not change for figures to be comparable; None for all names of a part. Facts that vary by
# themselves, such as free memory and load, are left out.
COMPARED = {
    "commit": None,
    "machine": ("id", "system", "release", "architecture", "cpu", "cores", "cores_usable"),
    # The present speed of the GPU's link is left out, as it falls while the GPU is idle.
    "gpu": (
        "name",
        "memory_bytes",
        "capability",
        "count",
        "driver",
        "power_limit_w",
        "max_sm_mhz",
        "max_pcie_generation",
        "max_pcie_width",
        "fused_step",
    ),
    "versions": None,
    "torch": None,
    "ring": None,
    "variables": None,
}
# Relative tolerance: the memory of a virtual machine varies by some pages from start to start.
MEMORY = 0.02


@dataclass(frozen=True)
class CompletedTrial:
    """The epochs of one trial that are on file.

    Attributes:
        walls_ns: length of each epoch that went well, in nanoseconds, by the epoch's number.
        ended_badly: whether one more epoch is on file, which failed.
        disturbed: whether something from outside disturbed any of them.
    """

    walls_ns: Mapping[int, int]
    ended_badly: bool
    disturbed: bool

    def is_whole(self, trial: Trial) -> bool:
        """Return whether no epoch of the trial is missing."""
        return self.ended_badly or trial.is_done(list(self.walls_ns.values()))


@dataclass(frozen=True)
class CompletedTrials:
    """The trials of one results file.

    Attributes:
        trials: each trial by its configuration, block and attempt.
        unavailable: numbers of the configurations that the file says can't be measured.
    """

    trials: Mapping[tuple[int, int, int], CompletedTrial] = field(default_factory=dict)
    unavailable: frozenset[int] = frozenset()

    @classmethod
    def read(cls, folder: Path, name: str) -> CompletedTrials:
        """Read the trials of a results file; none where there is no such file yet.

        Args:
            folder: the sweep's folder.
            name: the file's name in it.

        Raises:
            ResultsError: a row lacks its epoch or its time.
        """
        if not results_folder.has_header(folder, name):
            return cls()
        runs = results_folder.read_runs(folder, name)
        unavailable = runs["status"] == "unavailable"
        measured = runs[~unavailable]
        if measured[["configuration", "block", "attempt", "epoch"]].isna().any(axis=None):
            raise ResultsError(
                f"{folder / name} has a row without its configuration, block, attempt or epoch: "
                "start a new sweep"
            )
        if runs.loc[runs["status"] == "ok", "wall_s"].isna().any():
            raise ResultsError(f"{folder / name} has an epoch without its wall_s: start a new sweep")
        return cls(
            {
                (int(configuration), int(block), int(attempt)): _read_trial(rows)
                for (configuration, block, attempt), rows in measured.groupby(
                    ["configuration", "block", "attempt"]
                )
            },
            frozenset(runs[unavailable]["configuration"].astype(int)),
        )

    def find(self, trial: Trial) -> CompletedTrial | None:
        """Return the epochs of a trial that are on file; None where there are none."""
        return self.trials.get((trial.number, trial.block, trial.attempt))


def _read_trial(rows: pd.DataFrame) -> CompletedTrial:
    ok = rows[rows["status"] == "ok"].sort_values("epoch")
    return CompletedTrial(
        walls_ns={
            int(epoch): round(wall_s / SECONDS_PER_NS)
            for epoch, wall_s in zip(ok["epoch"], ok["wall_s"], strict=True)
        },
        ended_badly=len(ok) < len(rows),
        disturbed=bool((rows["disturbed"] != "").any()),
    )


def find_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the facts that differ between two environments, each in a few words.

    Args:
        then: content of `environment.json` when the sweep began.
        now: the same for this machine and process.
    """
    found = []
    for part, names in COMPARED.items():
        old, new = then.get(part), now.get(part)
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            found += _describe_change(part, old, new)
            continue
        for name in names or dict.fromkeys([*old, *new]):
            label = name if part in ("machine", "versions") else f"{part} {name}"
            found += _describe_change(label, old.get(name), new.get(name))
    old, new = (environment.get("machine", {}).get("memory_bytes") for environment in (then, now))
    if not (isinstance(old, int) and isinstance(new, int) and abs(old - new) <= MEMORY * max(old, new)):
        found += _describe_change("memory_bytes", old, new)
    return found


def check_data(then: Mapping[str, Any], digest: str, what: str = "data") -> None:
    """Check that the sweep goes on with the data that it began with.

    Args:
        then: content of `environment.json` when the sweep began.
        digest: SHA-256 of the data that are there now.
        what: what the digest is of; default `data`.

    Raises:
        ResultsError: the data are others.
    """
    old = then.get("dataset", {}).get("sha256")
    if old != digest:
        raise ResultsError(
            f"the sweep began with other {what} (SHA-256 {str(old)[:8]}…, now {digest[:8]}…): "
            f"put that {what} back, or start a new sweep"
        )


def check_plan(then: Mapping[str, Any], plan: list[dict[str, str]], differences: Sequence[str] = ()) -> None:
    """Check that the sweep's arguments still make the configurations that it began with.

    Args:
        then: content of `environment.json` when the sweep began.
        plan: cells of each configuration that the arguments make now.
        differences: other differences between then and now, which may explain the change.

    Raises:
        ResultsError: the configurations are others.
    """
    if then.get("sweep", {}).get("plan") != plan:
        raise ResultsError(
            "the sweep's arguments no longer make the configurations that it began with "
            f"({'; '.join(differences) or 'another version of this program'}): start a new sweep"
        )


def _describe_change(name: str, old: Any, new: Any) -> list[str]:
    return [] if old == new else [f"{name} {_format(old)}, now {_format(new)}"]


def _format(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in value.values())
    return "none" if value is None else str(value)
