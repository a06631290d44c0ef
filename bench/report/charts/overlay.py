"""Overlay: the throughput of the same configurations in several results folders. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from typing_extensions import Self

from bench.analysis.comparison.facts import GPU, MACHINE, VERSIONS, find_changes, find_data_changes
from bench.analysis.comparison.matching import Pair
from bench.analysis.comparison.obstacles import describe_no_match, describe_nothing, find_difference
from bench.analysis.comparison.side import MeasuredConfiguration, Side, list_configurations, read_side
from bench.analysis.throughputs import find_phase
from bench.records.errors import ResultsError
from bench.report.sweep.sweep_results import SweepResults
from bench.text import format_count, join_words

# Marks of folders, in the order in which they were given.
MARKS = "ABCDEFGH"


@dataclass(frozen=True)
class Overlay:
    """The throughput of the same configurations in several results folders.

    Attributes:
        folders: the folders, by the mark of each; the first one names the configurations.
        first: results of the first folder, with the configurations alone that another folder holds too.
        lines: lines of the summaries of all folders, by the number in the first folder and the folder's mark.
        differences: facts of machines and versions that differ; empty where none does.
        unknown: marks of folders that don't say on which machine they were measured.
        left_out: number of configurations of the first folder that no other one holds, or not comparably.
    """

    folders: Mapping[str, Path]
    first: SweepResults
    lines: Mapping[int, Mapping[str, pd.Series]]
    differences: tuple[str, ...]
    unknown: tuple[str, ...]
    left_out: int

    @classmethod
    def read(cls, folders: Sequence[Path]) -> Self:
        """Read several folders, and match their configurations by what they are.

        Raises:
            ResultsError: a folder can't be read, was given twice, or can't be compared with the first one.
        """
        _check_folders(folders)
        sides = {mark: read_side(folder) for mark, folder in zip(MARKS, folders, strict=False)}
        names = join_words([f"{mark} is {folder}" for mark, folder in zip(MARKS, folders, strict=False)])
        _check_sides(sides, names)
        results = {mark: _read_results(folder) for mark, folder in zip(MARKS, folders, strict=False)}
        found = {mark: list_configurations(side, as_ratios=False) for mark, side in sides.items()}
        matched, reasons = _match(found)
        if not matched:
            others = [one for mark, ones in found.items() if mark != "A" for one in ones]
            reason = reasons[0] if reasons else describe_no_match(found["A"], others)
            raise ResultsError(f"these folders can't be overlaid: {reason} ({names})")
        lines = {
            number: {mark: _find_line(results[mark], of_mark) for mark, of_mark in numbers.items()}
            for number, numbers in matched.items()
        }
        summary = results["A"].summary
        kept = summary[summary["configuration"].isin(matched)]
        differences = [
            *find_changes(sides, "machine", MACHINE),
            *find_changes(sides, "gpu", GPU),
            *find_changes(sides, "versions", VERSIONS),
            *find_changes(sides, "torch"),
        ]
        return cls(
            folders={mark: side.folder for mark, side in sides.items()},
            first=replace(results["A"], summary=kept),
            lines=lines,
            differences=tuple(differences),
            unknown=tuple(mark for mark, side in sides.items() if side.environment is None),
            left_out=len(summary) - len(kept),
        )

    def describe_folders(self) -> str:
        """Return the marks of the folders, and what differs between them, in one line."""
        names = join_words([f"{mark} is {folder}" for mark, folder in self.folders.items()])
        if self.unknown:
            has = "has" if len(self.unknown) == 1 else "have"
            unknown = join_words(self.unknown)
            return f"{names}. {unknown} {has} no environment.json, so nobody knows what differs."
        if not self.differences:
            return f"{names}. Their machines and versions are the same."
        return f"{names}. They differ in {'; '.join(self.differences)}."


def _check_folders(folders: Sequence[Path]) -> None:
    """Check that there are as many folders as can be told apart, each once."""
    if len(folders) > len(MARKS):
        given = format_count(len(folders), "folder")
        raise ResultsError(f"{given} can't be told apart in one chart; give {len(MARKS)} at most")
    seen: set[Path] = set()
    for folder in folders:
        if (place := folder.resolve()) in seen:
            raise ResultsError(f"{folder} is given twice; give each folder once")
        seen.add(place)


def _check_sides(sides: Mapping[str, Side], names: str) -> None:
    """Check that something was measured in each folder, on the same data and in the same epochs."""
    obstacles = [line for mark, side in sides.items() for line in describe_nothing(mark, side)]
    if not obstacles:
        obstacles = find_data_changes(sides) + _find_phases(sides)
    if obstacles:
        raise ResultsError(f"these folders can't be overlaid: {'; '.join(obstacles)} ({names})")


def _find_phases(sides: Mapping[str, Side]) -> list[str]:
    """Return which epochs each side has, where first epochs would stand beside later ones."""
    phases = {mark: find_phase(side.runs) for mark, side in sides.items() if side.runs is not None}
    if len(set(phases.values())) < 2:
        return []
    return [f"epochs: {', '.join(f'{mark} {phase} ones' for mark, phase in phases.items())}"]


def _read_results(folder: Path) -> SweepResults:
    results = SweepResults.read(folder)
    assert results is not None  # every side has rows
    return results


def _match(
    found: Mapping[str, Sequence[MeasuredConfiguration]],
) -> tuple[dict[int, dict[str, int]], list[str]]:
    """Match the configurations of all folders with those of the first one.

    Returns:
        Numbers in all folders, by the number in the first one, of those that at least two folders hold; and
        why others can't be compared.
    """
    first, *others = found.items()
    by_key = {mark: {one.key: one for one in ones} for mark, ones in others}
    matched: dict[int, dict[str, int]] = {}
    reasons = []
    for one in first[1]:
        numbers = {first[0]: one.number}
        for mark, keys in by_key.items():
            if (other := keys.get(one.key)) is None:
                continue
            if reason := find_difference(Pair("", one, other), as_ratios=False):
                reasons.append(reason.replace(" in B", f" in {mark}"))
            else:
                numbers[mark] = other.number
        if len(numbers) > 1:
            matched[one.number] = numbers
    return matched, reasons


def _find_line(results: SweepResults, number: int) -> pd.Series:
    lines = results.summary[results.summary["configuration"] == number]
    line: pd.Series = lines.iloc[0]
    return line
