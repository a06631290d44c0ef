"""The table of all candidates of a tuning, which sorts and filters."""

from __future__ import annotations

from dataclasses import replace

from bench.analysis.tuning.tuning import Tuning
from bench.report.explain.wording import format_factor, format_interval
from bench.report.page.parts import Cell, Column, PageTable, TableChoice, TableRow
from bench.report.tune.words import (
    YOURS,
    find_fate,
    format_ratio_to_present,
    name_end,
    order_candidates,
)
from bench.text import format_rate, printable

TABLE = "all-candidates"
COLUMNS = (
    Column("setting", "text", "The settings that tell it from the others."),
    Column("what became of it", "text", "How far it got, or what failed."),
    Column("fresh blocks", "number", "Ratio to the present one in fresh blocks; below it the 95% interval."),
    Column("samples/s", "number", "Median of the fresh blocks."),
    Column(
        "race", "number", "Ratio to the present one in the race: selected, and so optimistic for the best."
    ),
    Column("blocks", "number", "Number of blocks of the race that it ran."),
    Column("screen", "number", "Ratio to the present one in the screen, from one to three short trials."),
    Column("processes", "number small", "Number of its processes, the training process included."),
)
END = "end"


def make_candidate_table(tuning: Tuning) -> PageTable:
    """Return the table, the chosen candidate first."""
    rows = [_make_row(tuning, number) for number in order_candidates(tuning)]
    # A stage that didn't take place has no column.
    kept = [place for place in range(len(COLUMNS)) if any(row.cells[place].text for row in rows)]
    columns = tuple(COLUMNS[place] for place in kept)
    rows = [replace(row, cells=tuple(row.cells[place] for place in kept)) for row in rows]
    ends = dict.fromkeys(row.choices[END] for row in rows)
    choices = (TableChoice(END, "what became of it", tuple(ends)),) if len(ends) > 1 else ()
    caption = f"All {len(rows):,} candidates; × is the throughput over the present one"
    return PageTable(TABLE, caption, columns, tuple(rows), choices)


def _make_row(tuning: Tuning, number: int) -> TableRow:
    candidate, fate = tuning.candidates[number], find_fate(tuning, number)
    confirmed = tuning.outcome.confirmed.get(number)
    gain = None if confirmed is None or number == 0 else confirmed.gain
    notes = [YOURS] if number == 0 else []
    if number == tuning.outcome.chosen:
        notes.append("use this one" if number else "keep it")
    interval = "" if gain is None else format_interval(gain, format_factor).strip(" ()")
    cells = (
        Cell(printable(candidate.name), note=" · ".join(notes)),
        Cell(name_end(tuning, number), note=printable(fate.problem)),
        Cell(*_make_ratio(None if gain is None else gain.median), interval),
        Cell("") if confirmed is None else _make_rate(confirmed.samples_per_s.median),
        Cell(*_make_ratio(fate.race_ratio)),
        Cell(str(fate.blocks or ""), float(fate.blocks)),
        Cell(*_make_ratio(fate.screen_ratio)),
        Cell(f"{candidate.processes:,}", float(candidate.processes)),
    )
    return TableRow(str(number), cells, {END: name_end(tuning, number)}, _find_mark(tuning, number))


def _make_ratio(ratio: float | None) -> tuple[str, float | None]:
    return format_ratio_to_present(ratio), ratio


def _make_rate(rate: float) -> Cell:
    return Cell(format_rate(rate), rate)


def _find_mark(tuning: Tuning, number: int) -> str:
    if find_fate(tuning, number).end == "failed":
        return "failed"
    if number == tuning.outcome.chosen and number:
        return "best"
    if number == 0:
        return "baseline"
    return "tied" if number in tuning.outcome.tied else ""
