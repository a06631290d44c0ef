"""BestConfiguration: the configuration to use, as a program gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.analysis.statistics import Estimate
from bench.text import format_rate, format_ratio

SETTINGS = {"none": None, "on": True, "off": False}


@dataclass(frozen=True)
class BestConfiguration:
    """The configuration to use for one kind of work.

    Attributes:
        name: its name among the configurations of the sweep.
        family: loader family.
        knobs: values of the loader's knobs by PyTorch's names, such as `{"num_workers": 4}`.
        samples_per_s: throughput, with its 95% interval.
        ratio: throughput over that of the baseline; None where the baseline failed.
        is_baseline: whether it is the baseline itself.
        code: lines to paste; empty where the results don't hold them.
    """

    name: str
    family: str
    knobs: Mapping[str, Any]
    samples_per_s: Estimate
    ratio: Estimate | None
    is_baseline: bool
    code: str

    def __str__(self) -> str:
        """Return the name, the figures and the code."""
        figures = [f"{format_rate(self.samples_per_s.median)} samples/s"]
        if self.is_baseline:
            figures.append("the baseline")
        elif self.ratio is not None:
            figures.append(f"{format_ratio(self.ratio.median)} times the baseline")
        line = f"{self.name}: {', '.join(figures)}"
        return f"{line}\n\n{self.code}" if self.code else line


def read_setting(cell: str) -> Any:
    """Return the value that a cell of the results stands for: a number, True, False, None or a text."""
    if cell in SETTINGS:
        return SETTINGS[cell]
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell
