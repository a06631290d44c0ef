"""Rest: a command that measures what a sweep lacks, and helps in the state in which it is printed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.report.page.repeat_command import write_repeat_command
from bench.text import format_budget, format_duration, printable

# Estimates are rough, and the quick preset gives one trial no more than half of the budget that is left.
RESERVE = 1.5
# Shortest budget of a sweep that goes on, in seconds.
FEWEST_REST_S = 30.0
# Budget of a sweep that is repeated as its baseline failed: in seconds, and over the one that it had.
FEWEST_S, TIMES = 120.0, 4.0


@dataclass(frozen=True)
class Rest:
    """A command that measures what a sweep lacks.

    Attributes:
        lead: what the command is for, in words.
        command: the command, which can be pasted.
    """

    lead: str
    command: str


def resume_within(folder: Path, program: str, rest_s: float) -> Rest:
    """Return the command that measures what a budget left out, with a budget that has time for it.

    Args:
        folder: folder of the results.
        program: command of a sweep.
        rest_s: about how long the missing trials take, in seconds.
    """
    command = write_resume_command(folder, program)
    lead = f"To measure what is missing, about {format_duration(rest_s)}"
    return Rest(lead, f"{command} --budget {format_budget(max(FEWEST_REST_S, RESERVE * rest_s))}")


def repeat_within(environment: Mapping[str, Any], budget_s: float | None) -> Rest:
    """Return the command that begins a sweep again, with more time for its baseline.

    Args:
        environment: content of its environment.json.
        budget_s: budget that it had, in seconds; None where none is known.
    """
    budget = format_budget(max(FEWEST_S, TIMES * (budget_s or 0.0)))
    command = write_repeat_command(environment, {"--budget": budget})
    return Rest("Without the baseline there are no ratios. To begin again", command)


def write_resume_command(folder: Path, program: str) -> str:
    """Return the command that goes on with a sweep.

    Args:
        folder: folder of the results.
        program: command of a sweep.
    """
    return f"{program} --resume {shlex.quote(printable(str(folder)))}"


def lacks_baseline(summary: pd.DataFrame) -> bool:
    """Return whether a baseline was measured and failed. A resumed sweep runs no failed configuration again.

    Args:
        summary: lines of the sweep's configurations.
    """
    baselines = summary[summary["configuration"].isin(set(summary["baseline"]))]
    return bool((~baselines["status"].isin(["ok", "unavailable"])).any())
