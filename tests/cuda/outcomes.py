"""Outcomes: the outcomes of tests that a run of pytest has recorded."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

OUTCOMES, FAILURES = "outcomes.csv", "failures.txt"
COLUMNS = ("test", "outcome", "seconds", "reason")
# In the order of the summary.
NAMED = ("failed", "error", "passed", "skipped")


def count_outcomes(folder: Path) -> Counter[str] | None:
    """Return the number of tests by outcome.

    Args:
        folder: folder of a part.

    Returns:
        The numbers by `passed`, `failed`, `skipped` and `error`; None where no tests were recorded.
    """
    try:
        with (folder / OUTCOMES).open(encoding="utf-8", newline="") as file:
            return Counter(row["outcome"] for row in csv.DictReader(file))
    except FileNotFoundError:
        return None


def describe_outcomes(counts: Counter[str]) -> str:
    """Return numbers of tests in words, such as `1 failed, 20 passed`."""
    told = [f"{counts[name]} {name}" for name in NAMED if counts[name]]
    return ", ".join(told) or "no test ran"
