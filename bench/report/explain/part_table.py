"""The table of the parts of an epoch's time."""

from __future__ import annotations

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.wording import TRAINING, count_samples, describe_workers, name_piece
from bench.report.page.parts import Cell, Column, PageTable, TableRow
from bench.text import choose_unit, format_share, printable


def make_part_table(explanation: Explanation) -> PageTable:
    """Return the table of where the time of a sample goes, in the training process and in a worker."""
    samples = count_samples(explanation)
    unit = choose_unit(part.batch_s.median / samples for part in explanation.parts)
    piece = name_piece(explanation)
    columns = (
        Column("part", "text"),
        Column("process", "text", "The training process, or a worker beside it, at the same time."),
        Column(f"{unit.name}/{piece}", "number", f"Time for a {piece}; in a worker, for one of its own."),
        Column("share", "number", "Share of the wall time of an epoch."),
    )
    rows = []
    for place, part in enumerate(explanation.parts):
        time_s = part.batch_s.median / samples
        where = "training process" if part.place == TRAINING else describe_workers(explanation.setup)
        cells = (
            Cell(printable(part.name)),
            Cell(where),
            Cell(unit.format(time_s), time_s),
            Cell(format_share(part.share), part.share),
        )
        rows.append(TableRow(str(place), cells))
    return PageTable("parts-of-an-epoch", f"Where the time of a {piece} goes", columns, tuple(rows))
