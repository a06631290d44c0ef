"""Parts of a page as its templates get them: figures, tables, tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PageFigure:
    """A figure of a page.

    Attributes:
        name: name in an id, such as `ranking`.
        title: what the figure shows, in a few words.
        picture: its SVG element, as Markup.
        caption: one or two sentences below it; may be empty.
        configurations: numbers of the configurations that it shows; empty for none.
        files: files of the folder that hold its rows.
        anchor: id of the part of the page that holds its rows; empty for none.
    """

    name: str
    title: str
    picture: str
    caption: str = ""
    configurations: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    anchor: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: heading.
        kind: `number` or `text`: how it is set and sorted.
        help: one sentence on its meaning; may be empty.
    """

    name: str
    kind: str = "number"
    help: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what is shown.
        value: number that the cell is sorted by; None for its text, or where it is unknown.
        note: words below the text; may be empty.
    """

    text: str
    value: float | None = None
    note: str = ""


@dataclass(frozen=True)
class TableRow:
    """A row of a table.

    Attributes:
        key: what figures call the row by, such as the number of a configuration.
        cells: one cell a column.
        choices: values of the row by the keys of the table's choices.
        mark: class of the row: `best`, `tied`, `baseline`, `failed`; empty for none.
    """

    key: str
    cells: tuple[Cell, ...]
    choices: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""


@dataclass(frozen=True)
class TableChoice:
    """A list of values by which the rows of a table are filtered.

    Attributes:
        key: name in the attributes of rows, of lower-case letters, digits and hyphens.
        name: label.
        values: the values, in order.
    """

    key: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class PageTable:
    """A table whose columns sort and whose rows are filtered.

    Attributes:
        id: id of the table in its page.
        caption: what it holds, in one sentence.
        columns: columns.
        rows: rows, in the order in which they are read.
        choices: filters beside the search.
        header: place of the column that names a row, from 0.
    """

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    choices: tuple[TableChoice, ...] = ()
    header: int = 0


@dataclass(frozen=True)
class Tile:
    """A big figure.

    Attributes:
        value: the figure with its unit.
        name: what it is.
        note: its interval, or other words below it; may be empty.
    """

    value: str
    name: str
    note: str = ""
