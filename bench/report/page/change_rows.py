"""ChangeRow: a change that is worth making, as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from bench.analysis.explanation.explanation import Advice, Explanation
from bench.report.explain.change_words import describe_advice, list_changes
from bench.report.explain.wording import format_gain
from bench.text import printable

# Arguments of a DataLoader that a change may set.
ARGUMENTS = {
    "num_workers",
    "prefetch_factor",
    "persistent_workers",
    "pin_memory",
    "in_order",
    "multiprocessing_context",
}


@dataclass(frozen=True)
class ChangeRow:
    """A change that is worth making.

    Attributes:
        change: the change in words.
        notes: the options that make it, its condition, and how its gain was predicted; may be empty.
        gain: predicted gain with its interval.
        actual: measured gain with its interval; empty where it wasn't verified.
        code: line of Python that makes it; empty where no argument of a DataLoader does.
    """

    change: str
    notes: str
    gain: str
    actual: str
    code: str


def make_change_rows(explanation: Explanation) -> list[ChangeRow]:
    """Return the changes that are worth making, the most gainful first."""
    return [
        ChangeRow(
            printable(advice.change),
            describe_advice(advice, explanation),
            format_gain(advice.gain),
            "" if advice.actual is None else format_gain(advice.actual),
            _write_code(advice, explanation),
        )
        for advice in list_changes(explanation)
    ]


def _write_code(advice: Advice, explanation: Explanation) -> str:
    setup = explanation.setup
    if not setup.has_dataloader or advice.family != setup.family:
        return ""
    if not advice.knobs or not set(advice.knobs) <= ARGUMENTS:
        return ""
    arguments = ", ".join(f"{name}={value!r}" for name, value in advice.knobs.items())
    return f"DataLoader(..., {arguments})"
