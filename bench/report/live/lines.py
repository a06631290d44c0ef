"""LineDisplay: one plain line a trial, and one with the leaders after each block."""

from __future__ import annotations

from rich.console import Console

from bench.report.live.leader_words import describe_leader, title_leaders
from bench.report.live.state import ProgressState
from bench.text import capitalise

# One line has room for so many.
MOST_NAMED = 2


class LineDisplay:
    """Display of progress in plain lines, for a file or a pipe."""

    def __init__(self, console: Console) -> None:
        """Print to a console.

        Args:
            console: console that isn't a terminal.
        """
        self._console = console
        self._block = ""

    def start(self, state: ProgressState) -> None:
        """Print nothing before the first trial."""

    def begin_trial(self, state: ProgressState) -> None:
        """Print the trial that begins. The first one of another block follows a line with the leaders."""
        if self._block not in ("", state.block):
            self._print_leaders(state)
        self._block = state.block
        place = f"[{state.done + 1:>{len(str(state.trials))}}/{state.trials}]"
        self._print(f"{place} {state.left:<22} {state.block}  {state.doing}")

    def end_trial(self, state: ProgressState) -> None:
        """Print nothing at the end of a trial."""

    def stop(self, state: ProgressState) -> None:
        """Print nothing after the last trial: the answer follows."""

    def _print_leaders(self, state: ProgressState) -> None:
        leaders = state.find_leaders()
        if leaders.places:
            title = title_leaders(leaders)
            named = "; ".join(describe_leader(leader) for leader in leaders.places[:MOST_NAMED])
            self._print(f"{capitalise(title)}: {named}")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
