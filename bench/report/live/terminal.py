"""TerminalDisplay: a bar and a table of the leaders, in place on a terminal."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bench.analysis.leaders import Leaders
from bench.report.live.leader_words import make_cells, title_leaders
from bench.report.live.state import ProgressState

BAR_COLUMNS = 12
# Wider lines are harder to read.
MOST_COLUMNS = 100
# On a narrower terminal the table leaves out the intervals, then the throughputs.
COLUMNS_FOR_INTERVAL, COLUMNS_FOR_RATE = 70, 50


class TerminalDisplay:
    """Display of progress on a terminal: one line for the trial, and at most six for the leaders.

    It is drawn when a trial begins and when it ends. Nothing is drawn while a trial is measured.
    """

    def __init__(self, console: Console) -> None:
        """Draw on a console.

        Args:
            console: console of a terminal.
        """
        self._console = console
        self._leaders = Leaders()
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def start(self, state: ProgressState) -> None:
        """Begin to draw, with the leaders of a resumed sweep."""
        self._leaders = state.find_leaders()
        self._live.start()
        self._draw(state)

    def begin_trial(self, state: ProgressState) -> None:
        """Draw the trial that begins."""
        self._draw(state)

    def end_trial(self, state: ProgressState) -> None:
        """Draw the leaders with the trial that has ended."""
        self._leaders = state.find_leaders()
        self._draw(state)

    def stop(self, state: ProgressState) -> None:
        """Take everything off the terminal: the answer follows."""
        del state
        self._live.stop()

    def _draw(self, state: ProgressState) -> None:
        parts: list[RenderableType] = [draw_line(state, self._console.width)]
        if self._leaders.places:
            parts.append(draw_leaders(self._leaders, min(self._console.width, MOST_COLUMNS)))
        self._live.update(Group(*parts), refresh=True)


def draw_line(state: ProgressState, width: int) -> RenderableType:
    """Return the bar, the number of trials, the time left and the trial that runs, in one line.

    Args:
        state: what to show.
        width: columns of the terminal.
    """
    bar = ProgressBar(total=max(1, state.trials), completed=state.done, width=BAR_COLUMNS)
    counts = f"{state.done}/{state.trials}"
    doing = f"{state.block}  {state.doing}" if state.doing else state.block
    line = Table.grid(padding=(0, 1, 0, 0))
    for style in ("", "green", "cyan", ""):
        line.add_column(style=style, no_wrap=True)
    room = max(10, width - BAR_COLUMNS - len(counts) - len(state.left) - 4)
    line.add_row(bar, counts, state.left, Text(_cut_start(doing, room)))
    return line


def draw_leaders(leaders: Leaders, width: int) -> Table:
    """Return the table of the leaders.

    Args:
        leaders: the leaders.
        width: columns that the table may take.
    """
    rows = [make_cells(leader) for leader in leaders.places]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(f"  {title_leaders(leaders)}", no_wrap=True, overflow="ellipsis")
    columns = [("× base", [row.ratio for row in rows])]
    if width >= COLUMNS_FOR_RATE:
        columns.insert(0, ("samples/s", [row.samples_per_s for row in rows]))
    if width >= COLUMNS_FOR_INTERVAL:
        columns.append(("interval", [row.interval for row in rows]))
    for title, cells in columns:
        table.add_column(title if any(cells) else "", justify="right", no_wrap=True)
    beside = sum(2 + max(len(title), *map(len, cells)) for title, cells in columns)
    for number, row in enumerate(rows):
        name = Text(f"  {_cut_start(row.name, max(10, width - beside - 4))}", style="bold" * (number == 0))
        table.add_row(name, *(cells[number] for _, cells in columns))
    return table


def _cut_start(text: str, columns: int) -> str:
    """Return a text without its start where it is too long: the end of a name says what varies."""
    if cell_len(text) <= columns:
        return text
    while cell_len(text) > columns - 1:
        text = text[1:]
    return f"…{text}"
