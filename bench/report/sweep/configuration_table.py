"""The table of all configurations of a sweep, which sorts and filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

import pandas as pd

from bench.analysis.naming import find_varied
from bench.report.labels import Labels
from bench.report.page.parts import Cell, Column, PageTable, TableChoice, TableRow
from bench.text import abbreviate, format_rate, format_ratio, format_share

COLUMNS = (
    Column("#", "number small", "Place among the configurations that do the same work."),
    Column("configuration", "text", "The settings that tell it from the others."),
    Column("samples/s", "number", "Median of the blocks; below it the 95% interval."),
    Column("× baseline", "number", "Median of the ratios in each block; below it the 95% interval."),
    Column(
        "of ceiling",
        "number",
        "Share of a speed that no loader can beat here with the row’s own threads; below it which one.",
    ),
    Column("waiting", "number small", "Share of an epoch in which training waits for data."),
    Column("first batch", "number small", "From before iter(loader) to the first batch."),
    Column("first epoch", "number", "Throughput of the first, cold epoch of a process, in samples/s."),
    Column("memory", "number small", "Most memory of all processes of a trial."),
    Column("shuffle", "number", "1 for a true shuffle, near 0 for the stored order."),
    Column("blocks", "number", "Number of blocks in which it was measured."),
)
NAME = 1
# A setting with more values than this is found by the search.
MOST_VALUES = 24
WORK, STATE = "kind of work", "state"
# States of measured configurations, and their marks.
MARKS = {
    "fastest": "best",
    "fastest so far": "best",
    "tied with the fastest": "tied",
    "slower": "",
    "too few blocks to tell": "",
    "alone": "",
}
# States that need no word in a row.
SILENT = ("slower", "too few blocks to tell", "alone")


def make_configuration_table(
    summary: pd.DataFrame, labels: Labels, chosen: Collection[int] = ()
) -> PageTable:
    """Return the table, the kinds of work one after another and the best of each first.

    Args:
        summary: one line for each configuration.
        labels: names of the configurations.
        chosen: numbers of the configurations to use; default none.
    """
    works = summary["configuration"].map(labels.work)
    ordered = [
        line
        for _, group in summary.groupby(works, sort=False)
        for _, line in group.sort_values("rank", na_position="last").iterrows()
    ]
    states = _find_states(summary, labels)
    readers = _list_choices(summary, labels, states)
    rows = []
    for line in ordered:
        values = {f"c{place}": read(line) for place, read in enumerate(readers.values())}
        number = int(line["configuration"])
        told = _tell(line, states[number], number in chosen)
        notes = " · ".join(filter(None, [labels.work[number], *told]))
        mark = _find_mark(line, states[number])
        cells = tuple(_make_cells(line, labels.short[number], notes))
        rows.append(TableRow(str(number), cells, values, mark))
    choices = tuple(
        TableChoice(key, name, _sort_values({row.choices[key] for row in rows}))
        for key, name in ((f"c{place}", name) for place, name in enumerate(readers))
    )
    phase = summary["phase"].iloc[0]
    caption = f"All {len(rows)} configurations: medians of {phase} epochs, with 95% intervals over blocks"
    choices = tuple(choice for choice in choices if 1 < len(choice.values) <= MOST_VALUES)
    return PageTable("all-configurations", caption, COLUMNS, tuple(rows), choices, header=NAME)


def _list_choices(
    summary: pd.DataFrame, labels: Labels, states: Mapping[int, str]
) -> dict[str, Callable[[pd.Series], str]]:
    """Return what rows can be chosen by, with what reads it of a line."""

    def read(name: str) -> Callable[[pd.Series], str]:
        return lambda line: str(line[name]) or "none"

    found: dict[str, Callable[[pd.Series], str]] = {name: read(name) for name in find_varied(summary)}
    if len(set(labels.work.values())) > 1:
        found[WORK] = lambda line: labels.work[int(line["configuration"])]
    return {**found, STATE: lambda line: states[int(line["configuration"])]}


def _find_states(summary: pd.DataFrame, labels: Labels) -> dict[int, str]:
    """Return the state of each configuration, by its number: one of MARKS, or why it has no rank."""
    ranked = summary[summary["rank"].notna()]
    rivals = Counter(labels.work[int(number)] for number in ranked["configuration"])
    states = {}
    for _, line in summary.iterrows():
        number = int(line["configuration"])
        if pd.isna(line["rank"]):
            states[number] = "not measured" if line["status"] == "ok" else str(line["status"])
        elif rivals[labels.work[number]] == 1:
            states[number] = "alone"
        elif pd.isna(line["tied"]):
            states[number] = "fastest so far" if line["rank"] == 1 else "too few blocks to tell"
        elif line["rank"] == 1:
            states[number] = "fastest"
        else:
            states[number] = "tied with the fastest" if line["tied"] else "slower"
    return states


def _find_mark(line: pd.Series, state: str) -> str:
    if state not in MARKS:
        return "failed"
    return "baseline" if line["configuration"] == line["baseline"] else MARKS[state]


def _tell(line: pd.Series, state: str, is_chosen: bool) -> Iterator[str]:
    """Yield what a row says of its configuration beside figures."""
    if state not in MARKS:
        yield f"{state}: {line['error']}" if line["error"] else state
    elif state not in SILENT:
        yield state
    if line["configuration"] == line["baseline"]:
        yield "baseline"
    if is_chosen:
        yield "use this one"


def _sort_values(values: set[str]) -> tuple[str, ...]:
    def place(value: str) -> tuple[bool, float, str]:
        try:
            return False, float(value), value
        except ValueError:
            return True, 0.0, value

    return tuple(sorted(values, key=place))


def _make_cells(line: pd.Series, label: str, notes: str) -> list[Cell]:
    name = Cell(label, note=notes)
    if pd.isna(line["rank"]):
        return [Cell("—"), name, *(Cell("") for _ in COLUMNS[2:])]
    is_baseline = line["configuration"] == line["baseline"]
    ratio_note = "" if is_baseline else _format_interval(line, "ratio", format_ratio)
    waiting = line["data_wait_s"] / line["wall_s"]
    return [
        Cell(f"{line['rank']:.0f}", float(line["rank"])),
        name,
        _make_cell(line["samples_per_s"], format_rate, _format_interval(line, "samples_per_s", abbreviate)),
        _make_cell(line["ratio"], format_ratio, ratio_note),
        _make_cell(line["ceiling_share"], format_share, str(line["ceiling"])),
        _make_cell(waiting, format_share),
        _make_cell(line["time_to_first_batch_s"], lambda seconds: f"{seconds * 1e3:,.0f} ms"),
        _make_cell(line["cold_samples_per_s"], format_rate),
        _make_cell(line["peak_memory_bytes"], lambda number: f"{number / 2**20:,.0f} MiB"),
        _make_cell(line["shuffle_quality"], "{:.2f}".format),
        _make_cell(line["blocks"], "{:.0f}".format),
    ]


def _make_cell(value: float, form: Callable[[float], str], note: str = "") -> Cell:
    """Return a cell of a figure; an empty one where it is unknown."""
    return Cell("") if pd.isna(value) else Cell(form(value), float(value), note)


def _format_interval(line: pd.Series, name: str, form: Callable[[float], str]) -> str:
    low, high = line[f"{name}_low"], line[f"{name}_high"]
    return "" if pd.isna(low) else f"{form(low)}–{form(high)}"
