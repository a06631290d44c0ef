"""NotebookDisplay: a bar and a table of the leaders in the output of a notebook's cell."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from bench.analysis.leaders import Leaders
from bench.report.live.leader_words import describe_leader, make_cells, title_leaders
from bench.report.live.state import ProgressState
from bench.report.notebook.html import make_table
from bench.text import format_count


class NotebookDisplay:
    """Display of progress in a notebook: one output that is replaced when a trial begins and when it ends.

    Each replacement is a message of some hundred bytes, which IPython sends to the notebook. No widgets are
    needed.
    """

    def __init__(self) -> None:
        """Show nothing yet."""
        self._leaders = Leaders()
        self._handle: Any = None

    def start(self, state: ProgressState) -> None:
        """Show the output, with the leaders of a resumed sweep."""
        from IPython.display import display

        self._leaders = state.find_leaders()
        self._handle = display(make_bundle(state, self._leaders), raw=True, display_id=True)

    def begin_trial(self, state: ProgressState) -> None:
        """Show the trial that begins."""
        self._replace(make_bundle(state, self._leaders))

    def end_trial(self, state: ProgressState) -> None:
        """Show the leaders with the trial that has ended."""
        self._leaders = state.find_leaders()
        self._replace(make_bundle(state, self._leaders))

    def stop(self, state: ProgressState) -> None:
        """Leave one line: the results follow."""
        text = f"{format_count(state.done, 'trial')} measured"
        self._replace({"text/plain": text, "text/html": f"<p>{text}</p>"})

    def _replace(self, bundle: Mapping[str, str]) -> None:
        # Without a kernel there is no output to replace.
        if self._handle is not None:
            self._handle.update(dict(bundle), raw=True)


def make_bundle(state: ProgressState, leaders: Leaders) -> dict[str, str]:
    """Return the progress as HTML, and as text for where HTML can't be shown.

    Args:
        state: what to show.
        leaders: the leaders so far.
    """
    doing = ", ".join(filter(None, (state.left, state.block, state.doing)))
    counts = f"{state.done}/{state.trials}"
    bar = f'<progress value="{state.done}" max="{max(1, state.trials)}"></progress>'
    html = f"<div>{bar} {counts} {escape(doing)}{_make_table(leaders)}</div>"
    lines = [f"{counts} {doing}", *(describe_leader(leader) for leader in leaders.places)]
    return {"text/plain": "\n".join(lines), "text/html": html}


def _make_table(leaders: Leaders) -> str:
    if not leaders.places:
        return ""
    titles = (title_leaders(leaders), "samples/s", "× base", "interval")
    return make_table(titles, map(make_cells, leaders.places))
