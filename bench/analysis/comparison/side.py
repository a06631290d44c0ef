"""Side: one of the two results folders of a comparison, with the figures of each configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis.summary import identify_configurations
from bench.analysis.throughputs import compute_throughputs, find_sound
from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.records.row import find_knobs

# Cells that tell configurations apart, beside the knobs.
IDENTITY = ("family", "device", "step", "loss", "cuda_graph")


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two results folders of a comparison.

    Attributes:
        name: name of the side, such as its folder or its commit.
        folder: the results folder.
        runs: rows of runs.csv; None where nothing was measured.
        ceilings: rows of ceilings.csv; None without that file.
        environment: content of environment.json; None where it can't be read.
    """

    name: str
    folder: Path
    runs: pd.DataFrame | None
    ceilings: pd.DataFrame | None
    environment: Mapping[str, Any] | None


def read_side(folder: Path, name: str | None = None) -> Side:
    """Read one side of a comparison.

    Args:
        folder: results folder.
        name: name of the side; default None takes that of the folder.

    Raises:
        ResultsError: the folder isn't one of a sweep.
    """
    try:
        environment = results_folder.read_environment(folder)
    except ResultsError:
        # A folder of rows alone can be compared. It only doesn't say on which machine they were measured.
        environment = None
    runs = None
    if environment is None or results_folder.has_header(folder, results_folder.RUNS):
        runs = results_folder.read_runs(folder)
    ceilings = results_folder.read_ceilings(folder)
    return Side(
        name=str(folder) if name is None else name,
        folder=folder,
        runs=None if runs is None or runs.empty else runs,
        ceilings=None if ceilings is None or ceilings.empty else ceilings,
        environment=environment,
    )


@dataclass(frozen=True)
class MeasuredConfiguration:
    """One configuration of a side.

    Attributes:
        number: its number on the side.
        cells: cells that tell it from others, with its status and its error.
        values: samples/s of each block; across machines the ratio to the baseline. Empty where a row of it is
            not `ok`.
        samples: samples of an epoch; None where none was measured.
        identity: value of each column that tells it from others, by the column's name.
        twin: number of configurations before it that are the same, from 0.
        baseline: the identity of its baseline.
    """

    number: int
    cells: Mapping[str, Any]
    values: Mapping[int, float]
    samples: float | None
    identity: Mapping[str, str]
    twin: int
    baseline: Mapping[str, str]

    @property
    def key(self) -> Hashable:
        """Key under which another side holds the same configuration."""
        return tuple(sorted(self.identity.items())), self.twin

    @property
    def work(self) -> str:
        """Shape and type of its samples; empty where none was delivered."""
        return f"{self.cells['sample_shape']} {self.cells['dtype']}".strip()

    @property
    def is_baseline(self) -> bool:
        """True if it is the baseline that its ratios refer to."""
        return bool(self.cells["baseline"] == self.number)


def list_configurations(
    side: Side, *, as_ratios: bool, as_asked: bool = False
) -> list[MeasuredConfiguration]:
    """List the configurations of a side, in the order of its plan.

    Args:
        side: a side with rows.
        as_ratios: whether their values are ratios to the baseline, taken inside each block.
        as_asked: whether only the options of the command tell them apart. Other knobs are the user's own,
            which a commit may change. Default False.
    """
    if side.runs is None:
        return []
    lines = identify_configurations(side.runs)
    sound = set(find_sound(side.runs))
    speeds = {number: own for number, own in compute_throughputs(side.runs).items() if number in sound}
    samples = side.runs[side.runs["status"] == "ok"].groupby("configuration")["samples"].median()
    threads = _find_default_threads(side) if as_ratios else None
    knobs = find_knobs(list(side.runs.columns))
    asked = _list_asked(side) if as_asked else []
    identities = {
        number: asked[number] if asked else _identify(cells, knobs, threads)
        for number, cells in lines.items()
    }
    seen: Counter[Hashable] = Counter()
    found = []
    for number, cells in lines.items():
        values = speeds.get(number, {})
        if as_ratios:
            baseline = speeds.get(int(cells["baseline"]), {})
            values = {block: value / baseline[block] for block, value in values.items() if block in baseline}
        identity = identities[number]
        key = tuple(sorted(identity.items()))
        found.append(
            MeasuredConfiguration(
                number=number,
                cells=cells,
                values=values,
                samples=float(samples[number]) if number in samples.index else None,
                identity=identity,
                twin=seen[key],
                baseline=identities.get(int(cells["baseline"]), {}),
            )
        )
        seen[key] += 1
    return found


def _identify(cells: Mapping[Any, Any], knobs: list[str], default_threads: int | None) -> dict[str, str]:
    """Return the cells that tell a configuration from others.

    A knob that a family lacks is left out, and so is one at `none`, which changes nothing. Then a sweep
    matches one of an older version that lacks the knob.
    """
    identity = {name: str(cells[name]) for name in IDENTITY if str(cells[name])}
    identity |= {name: str(cells[name]) for name in knobs if str(cells[name]) not in ("", "none")}
    # Machines differ in cores. torch's own number of threads is the same choice on both.
    if int(cells["num_threads"]) != default_threads:
        identity["num_threads"] = str(cells["num_threads"])
    return identity


def _list_asked(side: Side) -> list[dict[str, str]]:
    """Return the options that the command gave for each configuration; none where they aren't recorded."""
    recorded = (side.environment or {}).get("common_blocks", {}).get("configurations")
    return recorded if isinstance(recorded, list) else []


def _find_default_threads(side: Side) -> int | None:
    threads = (side.environment or {}).get("torch", {}).get("num_threads")
    return threads if isinstance(threads, int) else None
