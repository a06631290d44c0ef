"""Words of charts: titles, captions and figures that several charts share."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.analysis.intervals import from_cells
from bench.report.charts.ranked_sweep import RankedSweep, find_fastest, find_slowest
from bench.text import format_count, format_rate, join_few, printable

# A longer name is cut in its middle: names of one sweep often differ at their ends.
NAME_LETTERS = 76
# The data's name in a title. Its end stays, since folders stand before it.
DATA_LETTERS = 40


def shorten(text: str, letters: int = NAME_LETTERS) -> str:
    """Return a text in one line, with `…` in its middle where it is longer than some letters."""
    text = printable(text)
    if len(text) <= letters:
        return text
    end = (letters - 1) // 2
    return f"{text[: letters - 1 - end]}…{text[len(text) - end :]}"


def describe_context(sweep: RankedSweep) -> str:
    """Return the data, the device, the phase and the number of blocks in one line."""
    summary = sweep.summary
    data = [printable(str(name)) for name in sorted(summary["dataset"].unique())]
    cut = [name if len(name) <= DATA_LETTERS else f"…{name[1 - DATA_LETTERS :]}" for name in data]
    devices = sorted(str(name) for name in summary["device"].unique())
    return f"{join_few(cut)}, {', '.join(devices)}, {sweep.phase} epochs, {_count_blocks(summary)}"


def describe_marks(lines: pd.DataFrame) -> str:
    """Return the sentence on the mark of a throughput: its median, and its interval where it is known."""
    known = lines["samples_per_s_low"].notna()
    if known.all():
        return "Each mark is the median of the blocks, with its 95% interval."
    if known.any():
        return "Each mark is the median of the blocks; with three blocks and more, its 95% interval."
    of_blocks = "one block" if (lines["blocks"] == 1).all() else "the median of the blocks"
    return f"Each mark is {of_blocks}; an interval needs three blocks."


def describe_throughput(line: pd.Series) -> str:
    """Return the throughput of a configuration, with its interval where it is known."""
    found = from_cells(line, "samples_per_s")
    if found is None:
        return "unknown"
    text = f"{format_rate(found.median)} samples/s"
    if found.low is None or found.high is None:
        return text
    return f"{text} (95% interval {format_rate(found.low)} to {format_rate(found.high)})"


def describe_selection(sweep: RankedSweep) -> str:
    """Return which configurations a chart leaves out; empty where it shows all."""
    parts = []
    if hidden := sum(len(group.rest) for group in sweep.groups):
        parts.append(f"{format_count(hidden, 'configuration')} that are neither best nor baseline")
    if sweep.more_works:
        parts.append(format_count(sweep.more_works, "further kind") + " of work")
    return f"Not shown one by one: {' and '.join(parts)}." if parts else ""


def describe_range(lines: pd.DataFrame, knobs: Sequence[str], settings: str) -> str:
    """Return where the throughput of some configurations is highest, and where it is lowest.

    Args:
        lines: lines of a summary.
        knobs: knobs that tell them apart.
        settings: what they share; empty where that needs no word.
    """

    def name(line: pd.Series) -> str:
        return " ".join(f"{knob}={line[knob]}" for knob in knobs)

    best, worst = find_fastest(lines), find_slowest(lines)
    subject = f"With {settings}, throughput" if settings else "Throughput"
    told = f"{subject} is highest at {name(best)}, {describe_throughput(best)}"
    if len(lines) < 2:
        return f"{told}."
    return f"{told}, and lowest at {name(worst)}, {describe_throughput(worst)}."


def join_sentences(*parts: str) -> str:
    """Return sentences in a row, without empty ones, each with its full stop."""
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)


def _count_blocks(summary: pd.DataFrame) -> str:
    fewest, most = int(summary["blocks"].min()), int(summary["blocks"].max())
    return f"{fewest} to {most} blocks" if fewest < most else format_count(most, "block")
