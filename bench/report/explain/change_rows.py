"""ChangeRow: a change that is worth making, as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from bench.analysis.explanation.explanation import Advice, Explanation
from bench.report.explain.change_words import describe_advice, list_changes
from bench.report.explain.wording import format_gain
from bench.text import printable

# Knob that is no argument of a DataLoader, but a call of torch in the training script.
THREADS = "num_threads"
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
        code: lines of Python that make it; empty where no arguments of a DataLoader and no call of torch do.
    """

    change: str
    notes: str
    gain: str
    actual: str
    code: tuple[str, ...]


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


def _write_code(advice: Advice, explanation: Explanation) -> tuple[str, ...]:
    setup, knobs = explanation.setup, dict(advice.knobs)
    if not setup.has_dataloader or advice.family != setup.family:
        return ()
    threads = knobs.pop(THREADS, None)
    if not set(knobs) <= ARGUMENTS:
        return ()
    lines = [] if threads is None else [f"torch.set_num_threads({threads})"]
    if knobs:
        arguments = ", ".join(f"{name}={value!r}" for name, value in knobs.items())
        lines.append(f"DataLoader(..., {arguments})")
    return tuple(lines)
