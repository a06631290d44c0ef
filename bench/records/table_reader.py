"""Table reader: a file of rows, read back as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.records.cell_values import clear_unknowns, parse_numbers, restore_knobs, restore_schemas
from bench.records.csv_cells import read_cells
from bench.records.errors import ResultsError
from bench.records.row import find_knobs, list_fixed_columns, make_header
from bench.records.schemas import upgrade


def read_table(path: Path) -> pd.DataFrame:
    """Read a file of rows, of this schema or an older one, also where another program has rewritten it.

    A torn last line, as a killed sweep may leave it, is not read.

    Returns:
        A table with the columns of this schema: numbers as numbers, NaN for an unknown one, every other cell
        as text.

    Raises:
        ResultsError: the file can't be read, or isn't one of a sweep.
    """
    source = read_cells(path)
    frame = clear_unknowns(pd.DataFrame(source.rows, columns=pd.Index(source.names), dtype=str))
    if "schema" in frame.columns:
        frame = restore_schemas(frame)
    frame = upgrade(frame, path)
    # Columns that the file lacks stand at the end by now.
    knobs = _find_knobs(list(frame.columns)[: len(source.names)], path)
    frame = frame[make_header(knobs)]
    return parse_numbers(restore_knobs(frame, knobs), source)


def _find_knobs(names: Sequence[str], path: Path) -> list[str]:
    """Return the knobs of a header: the columns between `device` and `num_threads`.

    Any other column that isn't a row's own was added by another program, and is left out.
    """
    own = [name for name in list_fixed_columns() if name in names]
    found = [name for name in names if name in own]
    if own != found:
        wrong = next(name for name, expected in zip(found, own, strict=True) if name != expected)
        raise ResultsError(
            f"{path} has its columns in another order, from {wrong} on; put them back as results/README.md "
            "lists them"
        )
    return find_knobs(names)
