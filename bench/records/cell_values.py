"""Cell values: the cells of each column as this program writes them, and numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import pandas as pd

from bench.records.csv_cells import CsvCells
from bench.records.errors import ResultsError
from bench.records.row import list_number_columns, list_whole_columns

# Other programs' words for an unknown.
UNKNOWN = frozenset({"NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None"})
# Other programs' words for a switch.
SWITCHES = {"TRUE": "on", "True": "on", "true": "on", "FALSE": "off", "False": "off", "false": "off"}
# Columns of an epoch that went well, in which no number is 0.
POSITIVE = ("samples", "wall_s", "samples_per_s")
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?")


def clear_unknowns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which an unknown is an empty cell."""
    cleared: pd.DataFrame = frame.mask(frame.isin(UNKNOWN), "")
    return cleared


def restore_knobs(frame: pd.DataFrame, knobs: list[str]) -> pd.DataFrame:
    """Return a table whose knobs are written as the command line takes them.

    A program that takes a column for numbers writes 32 as `32.0`, `32,0` or `3.2e+01`. One that takes it for
    switches writes `on` as `TRUE`.
    """
    columns = {name: frame[name].map(_restore_whole).replace(SWITCHES) for name in [*knobs, "cuda_graph"]}
    restored: pd.DataFrame = frame.assign(**columns)
    return restored


def restore_schemas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose schema is written as a whole number."""
    restored: pd.DataFrame = frame.assign(schema=frame["schema"].map(_restore_whole))
    return restored


def parse_numbers(frame: pd.DataFrame, source: CsvCells) -> pd.DataFrame:
    """Return a table whose number columns hold numbers, NaN for an empty cell.

    Args:
        frame: cells as text.
        source: the file they come from, for an error to name the line.

    Raises:
        ResultsError: A number column holds something else.
    """
    texts = frame[list_number_columns()]
    commas = texts.apply(lambda column: column.str.contains(",", regex=False))
    if commas.to_numpy().any():
        texts = _replace_commas(texts, commas, source)
    numbers = {}
    for name in texts.columns:
        cells = texts[name].replace("", None)
        numbers[name] = pd.to_numeric(cells, errors="coerce")
        _check(numbers[name].isna() & cells.notna(), frame[name], source, "a number")
    for name in list_whole_columns():
        _check(numbers[name].isna() | (numbers[name] % 1 != 0), frame[name], source, "a whole number")
        numbers[name] = numbers[name].astype("int64")
    _check_ranges(numbers, frame, source)
    parsed: pd.DataFrame = frame.assign(**numbers)
    return parsed


def _check_ranges(numbers: Mapping[str, pd.Series[float]], frame: pd.DataFrame, source: CsvCells) -> None:
    """Check what the analysis divides by: a spreadsheet may have rounded, cleared or overflowed a cell.

    Raises:
        ResultsError: a number is infinite, or an epoch that went well took no time or delivered nothing.
    """
    for name, column in numbers.items():
        # The loss of a training may be infinite.
        if name != "train_loss":
            _check(column.isin((math.inf, -math.inf)), frame[name], source, "a finite number")
    for name in POSITIVE:
        wrong = (numbers[name] <= 0) & (frame["status"] == "ok")
        _check(wrong, frame[name], source, "a number above 0 where the status is ok")


def _replace_commas(texts: pd.DataFrame, commas: pd.DataFrame, source: CsvCells) -> pd.DataFrame:
    """Replace decimal commas by points.

    A comma before exactly three digits could separate thousands. So could any comma beside a decimal point.
    """
    points = texts.apply(lambda column: column.str.contains(".", regex=False)).to_numpy().any()
    decimal = texts.apply(lambda column: column.str.fullmatch(r"[+-]?\d+,(?!\d{3}$)\d+(?:[eE][+-]?\d+)?"))
    if points or not decimal.to_numpy().any():
        name = commas.any().idxmax()
        _check(commas[name], texts[name], source, "a number with a decimal point")
    replaced: pd.DataFrame = texts.apply(lambda column: column.str.replace(",", ".", regex=False))
    return replaced


def _check(wrong: pd.Series[bool], cells: pd.Series[str], source: CsvCells, expected: str) -> None:
    """Raise ResultsError for the first wrong cell of a column, if there is one."""
    if wrong.any():
        place = int(wrong.to_numpy().argmax())
        raise ResultsError(
            f"{source.path}, line {source.lines[place]}: {cells.name} is {cells.iloc[place]!r}, "
            f"expected {expected}"
        )


def _restore_whole(cell: str) -> str:
    if NUMBER.fullmatch(cell):
        number = float(cell.replace(",", "."))
        if number.is_integer():
            return str(int(number))
    return cell
