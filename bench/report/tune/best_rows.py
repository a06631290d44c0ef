"""BestRows: the tie set, the best others and the present configuration, as short tables show them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.analysis.tuning.tuning import Tuning
from bench.report.explain.wording import format_gain
from bench.report.tune.words import (
    YOURS,
    describe_end,
    find_fate,
    format_ratio_to_present,
    name_row,
    order_candidates,
)
from bench.text import format_count

# Rows beyond the tie set and what the user has, and rows at most.
MOST_OTHERS, MOST_ROWS = 3, 12


@dataclass(frozen=True)
class BestRow:
    """A candidate in a short table.

    Attributes:
        name: its settings.
        figures: its ratios to the present configuration, one a column; an unknown one is empty.
        end: what became of it, or that it is the one to use.
        is_chosen: whether it is the one to use.
    """

    name: str
    figures: tuple[str, ...]
    end: str
    is_chosen: bool


@dataclass(frozen=True)
class BestRows:
    """The rows of a short table.

    Attributes:
        columns: names of the columns of figures.
        rows: the tie set, the best others and the present configuration.
        note: number of candidates that it leaves out, and the meaning of ×; may be empty.
    """

    columns: tuple[str, ...]
    rows: tuple[BestRow, ...]
    note: str


def make_best_rows(tuning: Tuning) -> BestRows:
    """Return the tie set, the best others and the present configuration, of those that were tried."""
    numbers = _select(tuning)
    fates = [find_fate(tuning, number) for number in numbers]
    columns = {
        "fresh blocks": tuning.outcome.is_confirmed,
        "race": any(fate.race_ratio is not None for fate in fates),
        "screen": any(fate.race_ratio is None and fate.screen_ratio is not None for fate in fates),
    }
    shown = tuple(columns.values())
    more = len(tuning.candidates) - len(numbers)
    notes = [format_count(more, "more candidate")] if more else []
    notes += [f"× is to {YOURS}"] if any(shown) else []
    return BestRows(
        tuple(name for name, is_shown in columns.items() if is_shown),
        tuple(_make_row(tuning, number, shown) for number in numbers),
        f"{'; '.join(notes)}." if notes else "",
    )


def _select(tuning: Tuning) -> list[int]:
    tried = [number for number in order_candidates(tuning) if find_fate(tuning, number).end != "unseen"]
    outcome = tuning.outcome
    # The present one stands last where it is neither in the tie set nor shown to be the best.
    firsts = [number for number in tried if number in outcome.tied or (number and number == outcome.chosen)]
    others = [number for number in tried if number not in firsts and number != 0]
    shown = [*firsts[: MOST_ROWS - MOST_OTHERS - 1], *others[:MOST_OTHERS]]
    return shown if 0 in shown or 0 not in tried else [*shown, 0]


def _make_row(tuning: Tuning, number: int, shown: tuple[bool, ...]) -> BestRow:
    fate, confirmed = find_fate(tuning, number), tuning.outcome.confirmed.get(number)
    is_chosen = number == tuning.outcome.chosen
    figures = (
        "" if confirmed is None or number == 0 else format_gain(confirmed.gain),
        format_ratio_to_present(fate.race_ratio),
        format_ratio_to_present(fate.screen_ratio),
    )
    end = describe_end(tuning, number)
    if is_chosen:
        end = "use this one" if number else "keep this one"
    kept = tuple(figure for figure, is_shown in zip(figures, shown, strict=True) if is_shown)
    return BestRow(name_row(tuning, number), kept, end, is_chosen)
