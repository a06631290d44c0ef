"""TuneResults: a tuning as a program gets it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.analysis.tuning.tuning import Candidate, Tuning
from bench.report.tune.answer import answer_in_a_sentence
from bench.report.tune.words import list_code

if TYPE_CHECKING:
    from bench.report.notebook.shown_charts import ShownCharts


@dataclass(frozen=True, repr=False)
class TuneResults:
    """A tuning as a program gets it.

    Attributes:
        tuning: the candidates, what became of each, the choice, and what is guaranteed.
        folder: results folder, with the tuning as JSON, the charts, and all that was measured.
        notices: facts of data and loaders to know before reading figures; default none.
    """

    tuning: Tuning
    folder: Path
    notices: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """One sentence: the setting and its gain, that there is nothing to gain, or that it is undecided."""
        return answer_in_a_sentence(self.tuning)

    @property
    def code(self) -> str:
        """Lines to paste; empty where nothing is to be changed."""
        return "\n".join(list_code(self.tuning))

    def best(self) -> Candidate:
        """Return the setting to use; the present one where no other is shown to be faster."""
        return self.tuning.chosen

    def plot(self) -> ShownCharts:
        """Make the charts, and show them if this is a notebook.

        Returns:
            The charts, each with its `figure` of matplotlib.

        Raises:
            ChartsError: matplotlib or seaborn can't be imported, or they fail.
        """
        # Imported here: matplotlib takes a second.
        from bench.report.notebook.shown_charts import show_charts
        from bench.report.tune.tune_charts import make_tuning_charts

        return show_charts(make_tuning_charts(self.tuning))

    def __repr__(self) -> str:
        """Return the answer, the code and the folder."""
        return "\n".join(filter(None, [self.answer, self.code, f"Results: {self.folder}"]))

    def _repr_html_(self) -> str:
        """Return the answer, the code, the best settings and the cautions, as a notebook shows them."""
        from bench.report.notebook.tune_html import show_tuning

        return show_tuning(self.tuning, self.folder, self.notices)
