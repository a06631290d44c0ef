"""Leaders: the best configurations of a sweep while it runs, from the rows so far."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.ceiling_shares import CEILINGS
from bench.analysis.ranking import list_work, rank_configurations
from bench.analysis.statistics import Estimate, estimate, pair_ratios
from bench.analysis.throughputs import Throughputs, compute_throughputs
from bench.records.row import Row

# Configurations that are named at most.
MOST_LEADERS = 4
STEP_ALONE = "the step alone"
# Cells of a row that throughputs rest on.
COUNTED = ("configuration", "block", "attempt", "epoch", "samples", "wall_s", "status", "disturbed")
STEP_FAMILY = CEILINGS["step"][0]
CEILING_FAMILIES = {family for family, _ in CEILINGS.values()}


@dataclass(frozen=True)
class Leader:
    """One of the leaders.

    Attributes:
        name: name of the configuration; `the step alone` for that ceiling.
        samples_per_s: throughput so far.
        ratio: throughput over that of the baseline, taken inside each block; None where they have no block in
            common.
        is_baseline: whether it is its own baseline; default False.
        is_ceiling: whether it is the step alone; default False.
    """

    name: str
    samples_per_s: Estimate
    ratio: Estimate | None
    is_baseline: bool = False
    is_ceiling: bool = False


@dataclass(frozen=True)
class Leaders:
    """The leaders of a sweep so far.

    Attributes:
        places: the best first. Of several kinds of work the best of each, the kind of the baseline first.
        kinds: number of kinds of work that were measured.
        configurations: number of configurations that were measured.
    """

    places: tuple[Leader, ...] = ()
    kinds: int = 0
    configurations: int = 0


class LeaderBoard:
    """The rows of a sweep so far, and the leaders among its configurations.

    The figures are those of the summary: the same epochs count, and ratios are taken inside a block.
    """

    def __init__(self, names: Sequence[str], runs: pd.DataFrame | None = None) -> None:
        """Start with the rows that an earlier process wrote, if there are any.

        Args:
            names: name of each configuration, by its number.
            runs: rows of `runs.csv`; default None for a new sweep.
        """
        self._names = names
        self._rows: list[dict[str, Any]] = []
        self._steps: list[dict[str, Any]] = []
        self._work: dict[int, Hashable] = {}
        self._baselines: dict[int, int] = {}
        for cells in [] if runs is None else runs.to_dict("records"):
            self._add_cells(cells, {str(name): cell for name, cell in cells.items()})

    def add(self, row: Row) -> None:
        """Take in a row of a configuration or of a ceiling.

        Args:
            row: the row, also one of a failed trial.
        """
        if row.timed_by != "clock":
            # An epoch that was timed on the GPU ran beside another load.
            return
        # Tables have an empty cell for no disturbance.
        counted = {name: getattr(row, name) for name in COUNTED} | {"disturbed": row.disturbed or ""}
        if row.family == STEP_FAMILY:
            self._steps.append(counted)
        elif row.family not in CEILING_FAMILIES:
            self._add_cells({**counted, "baseline": row.baseline}, row.cells())

    def _add_cells(self, counted: Mapping[Any, Any], identity: Mapping[str, Any]) -> None:
        number = int(counted["configuration"])
        self._rows.append({name: counted[name] for name in COUNTED})
        self._baselines[number] = int(counted["baseline"])
        if counted["status"] == "ok" and number not in self._work:
            self._work[number] = tuple(identity[name] for name in list_work(identity))

    def find_leaders(self, most: int = MOST_LEADERS) -> Leaders:
        """Return the leaders so far.

        Of one kind of work they are the best configurations, the baseline, and the step alone if it was
        measured. Of several kinds they are the best of each.

        Args:
            most: number of configurations; default 4. The baseline of one kind of work is one of them.
        """
        speeds = _compute_sound(self._rows)
        ranks = {number: one.rank for number, one in rank_configurations(speeds, self._work).items()}
        ordered = sorted(ranks, key=lambda number: (ranks[number], number))
        # The first configuration of each kind of work in the grid; the baseline's kind comes first.
        firsts = {self._work[number]: number for number in sorted(ordered, reverse=True)}
        kinds = len(firsts)
        if kinds > 1:
            best = [number for number in ordered if ranks[number] == 1]
            chosen = sorted(best, key=lambda number: firsts[self._work[number]])[:most]
        else:
            baselines = [number for number in ordered[most:] if self._baselines[number] == number]
            chosen = ordered[: most - len(baselines[:1])] + baselines[:1]
        places = [self._make_leader(number, speeds) for number in chosen]
        if kinds == 1:
            places += self._find_step(speeds.get(self._baselines[chosen[0]], {}))
        return Leaders(tuple(places), kinds, len(ordered))

    def _make_leader(self, number: int, speeds: Throughputs) -> Leader:
        baseline = self._baselines[number]
        found = estimate(list(speeds[number].values()))
        assert found is not None  # a ranked configuration has a block
        ratio = estimate(pair_ratios(speeds[number], speeds.get(baseline, {})))
        return Leader(self._names[number], found, ratio, is_baseline=number == baseline)

    def _find_step(self, baseline: Mapping[int, float]) -> list[Leader]:
        """Return the step alone, where there is one ceiling of it."""
        speeds = list(_compute_sound(self._steps).values())
        found = estimate(list(speeds[0].values())) if len(speeds) == 1 else None
        if found is None:
            return []
        ratio = estimate(pair_ratios(speeds[0], baseline))
        return [Leader(STEP_ALONE, found, ratio, is_ceiling=True)]


def _compute_sound(rows: Sequence[Mapping[str, Any]]) -> Throughputs:
    """Return the samples per second of each block of the configurations of which no row failed."""
    if not rows:
        return {}
    table = pd.DataFrame(rows).astype({"samples": float, "wall_s": float})
    failed = set(table.loc[table["status"] != "ok", "configuration"])
    speeds = compute_throughputs(table)
    return {number: blocks for number, blocks in speeds.items() if number not in failed and blocks}
